// Puts GraphiQL where the server serves it from: `node graphiql/assets.mjs`. Does nothing when that is up to date.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "src", "bpm_crm", "api", "assets", "graphiql");
const ours = ["page.js", "page.css"];
const theirs = {
  "react.js": "react/umd/react.production.min.js",
  "react-dom.js": "react-dom/umd/react-dom.production.min.js",
  "graphiql.js": "graphiql/graphiql.min.js",
  "graphiql.css": "graphiql/graphiql.min.css",
};

const read = (...path) => readFileSync(join(here, ...path));
const version = createHash("sha256");
for (const source of ["package-lock.json", "assets.mjs", ...ours]) version.update(read(source));
const stamp = version.digest("hex").slice(0, 16);
const stampFile = join(target, "version.txt");

if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
  console.log("GraphiQL is up to date.");
} else {
  // On Windows npm is a script, which needs a shell.
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: here, stdio: "inherit", shell: process.platform === "win32" });
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const [name, path] of Object.entries(theirs)) copyFileSync(join(here, "node_modules", path), join(target, name));
  for (const name of ours) copyFileSync(join(here, name), join(target, name));
  const licences = ["graphiql", "react", "react-dom"].map((name) => `${name}\n\n${read("node_modules", name, "LICENSE")}`);
  writeFileSync(join(target, "LICENSES.txt"), licences.join("\n\n"));
  writeFileSync(stampFile, stamp);
  console.log(`GraphiQL ${JSON.parse(read("node_modules", "graphiql", "package.json")).version} is in ${target}`);
}
