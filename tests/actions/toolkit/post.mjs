import * as core from "@actions/core";

core.info(`after: ${core.getState("began")}, ${JSON.parse(core.getState("greeted")).who}`);
