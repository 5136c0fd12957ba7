// One expression through GitHub's own lexer, parser and evaluator. It answers in the form of `firebreak expr --ndjson`.
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";

// GitHub's positions start anew at each line, and lose count at a line's end within a string: here they are offsets.
class OffsetLexer extends Lexer {
  pos() {
    return { line: 0, column: this.start };
  }
}

const kinds = {
  [data.Kind.Null]: "null",
  [data.Kind.Boolean]: "boolean",
  [data.Kind.Number]: "number",
  [data.Kind.String]: "string",
  [data.Kind.Array]: "array",
  [data.Kind.Dictionary]: "object",
};

// The answer as JSON text: written by hand, because a property named `__proto__` survives no plain object.
export function evaluate({ expr, contexts }) {
  const known = contextsOf(JSON.stringify(contexts));
  const status = known.get("job")?.get?.("status")?.value;
  const functions = statusFunctions(status);
  let tree;
  let stage = "lexing";
  try {
    const { tokens } = new OffsetLexer(expr).lex();
    stage = "parsing";
    tree = new Parser(tokens, Object.keys(contexts), functions).parse();
    if (tree === undefined) return failure("parsing", "An expression was expected", 1);
    stage = "evaluation";
    const table = new Map(functions.map((one) => [one.name.toLowerCase(), one]));
    const value = new Evaluator(tree, known, table).evaluate();
    return `{"value":${written(value)},"kind":"${kinds[value.kind]}"}`;
  } catch (error) {
    return failure(error instanceof RangeError ? "crash" : stage, String(error.message), columnOf(error));
  }
}

function contextsOf(text) {
  return JSON.parse(text, data.reviver);
}

function statusFunctions(status) {
  const answers = {
    always: true,
    success: status === undefined || status === "success",
    failure: status === "failure",
    cancelled: status === "cancelled",
  };
  const functions = Object.entries(answers).map(([name, answer]) => ({
    name,
    description: "",
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(answer),
  }));
  const hashFiles = {
    name: "hashFiles",
    description: "",
    minArgs: 1,
    maxArgs: 255,
    call: () => {
      throw new Error("hashFiles needs a workspace, and there is none here");
    },
  };
  return [...functions, hashFiles];
}

function written(value) {
  switch (value.kind) {
    case data.Kind.Null:
      return "null";
    case data.Kind.Number:
      return JSON.stringify(Number.isFinite(value.value) ? value.value : String(value.value));
    case data.Kind.Array:
      return `[${value.values().map(written).join(",")}]`;
    case data.Kind.Dictionary:
      return `{${value.pairs().map((pair) => `${JSON.stringify(pair.key)}:${written(pair.value)}`)}}`;
    default:
      return JSON.stringify(value.value);
  }
}

// 0 where GitHub's code tells no position.
function columnOf(error) {
  if (error.pos !== undefined) return error.pos.column + 1;
  return Number(/Located at position (\d+)/.exec(error.message)?.[1] ?? 0);
}

function failure(kind, message, column) {
  return JSON.stringify({ error: { kind, message, column } });
}
