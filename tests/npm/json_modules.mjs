// GitHub's parser imports its schema as a JSON module without the attribute that Node asks for; here that is allowed.
import { readFile } from "node:fs/promises";

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !url.endsWith(".json")) return next(url, context);
  const text = await readFile(new URL(url), "utf8");
  return { format: "module", source: `export default ${text};`, shortCircuit: true };
}
