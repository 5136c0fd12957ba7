// GitHub's own code as a server on stdin and stdout: one JSON request a line, one JSON answer a line, in order.
//   {"mode": "evaluate", "expr", "contexts"}     -> {"value", "kind"} or {"error": {"kind", "message", "column"}}
//   {"mode": "workflow" | "action", "name", "content"} -> {"errors": [{"line", "column", "message"}]}
// What GitHub's code does not survive (a stack that overflows) is answered by an error of kind "crash".
import { register } from "node:module";
import { createInterface } from "node:readline";

register("./json_modules.mjs", import.meta.url);
const { evaluate } = await import("./evaluating.mjs");
const { validateAction, validateWorkflow } = await import("./validating.mjs");
const modes = { evaluate, workflow: validateWorkflow, action: validateAction };

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write((await answer(line)) + "\n");
}

async function answer(line) {
  try {
    const request = JSON.parse(line);
    return await modes[request.mode](request);
  } catch (error) {
    return JSON.stringify({ error: { kind: "crash", message: String(error), column: 0 } });
  }
}
