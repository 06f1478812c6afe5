// Reads BPMN files named on the command line with the reader of bpmn.io; prints, for each, its warnings and what it wrote again.
import { readFile } from "node:fs/promises";
import { BpmnModdle } from "bpmn-moddle";

const found = [];
for (const file of process.argv.slice(2)) {
  const moddle = new BpmnModdle();
  const { rootElement, warnings } = await moddle.fromXML(await readFile(file, "utf-8"));
  const { xml } = await moddle.toXML(rootElement, { format: true });
  found.push({ warnings: warnings.map((warning) => warning.message), xml });
}
console.log(JSON.stringify(found));
