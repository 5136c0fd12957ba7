// What GitHub's own `@actions/core` says to a runner: the calls are a JSON list on stdin, [["error", "text", {...}], ...].
// Commands go to stdout, files are those that the environment names.
import { readFileSync } from "node:fs";

const core = await import("@actions/core");
for (const [name, ...given] of JSON.parse(readFileSync(0, "utf8"))) {
  core[name](...given);
}
