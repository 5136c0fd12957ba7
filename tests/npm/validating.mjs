// One workflow file or action.yml through GitHub's own parser: every error that it reports, with its place.
import { FeatureFlags } from "@actions/expressions/features";
import { convertActionTemplate, getActionSchema, parseAction } from "@actions/workflow-parser/actions/index";
import { convertWorkflowTemplate, ErrorPolicy } from "@actions/workflow-parser/model/convert";
import { TemplateContext, TemplateValidationErrors } from "@actions/workflow-parser/templates/template-context";
import { NoOperationTraceWriter } from "@actions/workflow-parser/templates/trace-writer";
import { parseWorkflow } from "@actions/workflow-parser/workflows/workflow-parser";
import { getWorkflowSchema } from "@actions/workflow-parser/workflows/workflow-schema";

// What GitHub has released (parallel steps) is still behind a flag in its editor extension's parser.
const featureFlags = new FeatureFlags({ all: true });
const options = { featureFlags, errorPolicy: ErrorPolicy.TryConversion };

export async function validateWorkflow({ name, content }) {
  const context = contextOf(getWorkflowSchema());
  const { value } = parseWorkflow({ name, content }, context);
  if (value !== undefined) await convertWorkflowTemplate(context, value, undefined, options);
  return complaints(context);
}

export function validateAction({ name, content }) {
  const context = contextOf(getActionSchema());
  const { value } = parseAction({ name, content }, context);
  if (value !== undefined) convertActionTemplate(context, value, options);
  return complaints(context);
}

function contextOf(schema) {
  const context = new TemplateContext(new TemplateValidationErrors(), schema, new NoOperationTraceWriter());
  context.state.featureFlags = featureFlags;
  return context;
}

// Line and column are 1-based, and 0 where GitHub's code tells no place.
function complaints(context) {
  const errors = context.errors.getErrors().map((error) => ({
    line: error.range?.start.line ?? 0,
    column: error.range?.start.column ?? 0,
    message: error.rawMessage,
  }));
  return JSON.stringify({ errors });
}
