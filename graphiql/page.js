// Starts GraphiQL on the page, against the endpoint that served the page.
"use strict";

// A component that adds a style element asks for the nonce that the page's policy allows under this name.
window.__webpack_nonce__ = document.currentScript.nonce;

const endpoint = location.origin + location.pathname;

// `#token=…` fills the header. The part after # never reaches the server; it is removed so that it stays out of the history and of bookmarks.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) history.replaceState(null, "", location.pathname + location.search);

const welcome = `# Ctrl-Space completes, Ctrl-Enter runs,
# Ctrl-K searches the documentation.
# The token stands under Headers, below.

query FirstLook {
  viewer { name roles }
  processInstances(first: 5) {
    totalCount
    nodes { stage { title } owner { name } startedAt }
  }
}
`;

const fetcher = GraphiQL.createFetcher({ url: endpoint, subscriptionUrl: endpoint.replace(/^http/, "ws") });
const properties = {
  fetcher,
  defaultEditorToolsVisibility: "headers",
  defaultQuery: welcome,
  inputValueDeprecation: true,
  schemaDescription: true,
  shouldPersistHeaders: false,
};
if (token) properties.headers = JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);

const root = document.getElementById("graphiql");
root.textContent = "";
ReactDOM.createRoot(root).render(React.createElement(GraphiQL, properties));
