// Each part of the toolkit once, and what it says is looked at by the test.
import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import * as core from "@actions/core";
import * as exec from "@actions/exec";
import * as github from "@actions/github";
import * as io from "@actions/io";

async function ask(token) {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ full_name: request.url, asked_with: request.headers.authorization }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const octokit = github.getOctokit(token, { baseUrl: `http://127.0.0.1:${server.address().port}` });
  const { data } = await octokit.rest.repos.get(github.context.repo);
  server.close();
  server.closeAllConnections();
  return data;
}

try {
  const who = core.getInput("who", { required: true });
  core.info(`state: ${core.getState("began")}`);
  core.info(`lines: ${core.getMultilineInput("lines").join("+")} ${core.getBooleanInput("loud")}`);
  const { context } = github;
  core.info(`context: ${context.repo.owner}/${context.repo.repo} ${context.eventName} ${context.payload.head_commit.message}`);

  const token = core.getInput("token");
  const answer = await ask(token);
  core.info(`api: ${answer.full_name} ${answer.asked_with === `token ${token}`}`);
  core.setSecret("a secret of mine");
  core.info("masked: a secret of mine");

  await io.mkdirP("made/deep");
  await io.cp(join(process.env.GITHUB_ACTION_PATH, "action.yml"), "made/deep/copy.yml");
  core.info(`io: ${existsSync("made/deep/copy.yml")} ${(await io.which("sh", true)).endsWith("/sh")}`);
  await io.rmRF("made");

  let heard = "";
  const code = await exec.exec("sh", ["-c", "echo heard; echo more >&2; exit 3"], {
    ignoreReturnCode: true,
    silent: true,
    listeners: { stdout: (data) => { heard += data.toString(); } },
  });
  const { stdout } = await exec.getExecOutput("node", ["--version"], { silent: true });
  core.info(`exec: ${code} ${heard.trim()} ${stdout.startsWith("v")}`);

  core.setOutput("greeting", `Hello, ${who}\nand all`);
  core.exportVariable("GREETED", who);
  core.addPath("/opt/greeting/bin");
  core.saveState("greeted", { who });
  core.notice("noticed", { title: "Note", file: "a.txt", startLine: 3 });
  await core.group("A group", async () => core.info("within"));
  await core.summary.addHeading("Greetings").addList([who]).write();
  core.info(`summary: ${readFileSync(process.env.GITHUB_STEP_SUMMARY, "utf8").includes("<h1>Greetings</h1>")}`);
  if (who === "nobody") throw new Error("nobody is there");
} catch (error) {
  core.setFailed(error);
}
