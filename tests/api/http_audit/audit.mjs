// Runs every server audit of graphql-http against the URL given and prints the results as JSON.
// A header for all requests may be given in the environment variable AUTHORIZATION.
import { serverAudits } from "graphql-http";

const authorization = process.env.AUTHORIZATION;
const fetchFn = authorization
  ? (url, { headers, ...options } = {}) => fetch(url, { ...options, headers: { ...headers, authorization } })
  : fetch;

const results = [];
for (const { id, name, fn } of serverAudits({ url: process.argv[2], fetchFn })) {
  const { status, reason } = await fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));
