import * as core from "@actions/core";

core.info(`before: ${core.getInput("who", { required: true })}`);
core.saveState("began", "before all steps");
