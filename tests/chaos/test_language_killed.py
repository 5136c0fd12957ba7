"""A workflow with most of the language in it, by webhook through the real services, while these are killed."""

from __future__ import annotations

import asyncio

import pytest

from libs.contracts.run import CallExpanded, JobAssigned
from tests.chaos.system import System

WORKFLOW = """
on: push
concurrency: {group: "all-${{ github.ref }}", queue: max}
jobs:
  plan:
    runs-on: self-hosted
    outputs: {list: "${{ steps.s.outputs.list }}"}
    steps: [{id: s, run: "echo 'list=[1,2]' >> $GITHUB_OUTPUT"}]
  call:
    needs: plan
    strategy: {matrix: {n: "${{ fromJSON(needs.plan.outputs.list) }}"}}
    uses: ./.github/workflows/called.yml
    with: {n: "${{ matrix.n }}"}
  after:
    needs: call
    runs-on: self-hosted
    steps: [{run: "test '${{ needs.call.outputs.said }}' = done"}]
"""
CALLED = """
on: {workflow_call: {inputs: {n: {type: number}}, outputs: {said: {value: "${{ jobs.work.outputs.said }}"}}}}
jobs:
  work:
    runs-on: self-hosted
    outputs: {said: "${{ steps.act.outputs.said }}"}
    steps:
      - uses: actions/checkout@v4
      - {id: side, background: true, run: sleep 1}
      - {id: act, uses: ./act, with: {word: done}}
      - wait: side
"""
ACTION = """
name: act
inputs: {word: {required: true}}
outputs: {said: {value: "${{ steps.s.outputs.said }}"}}
runs:
  using: composite
  steps: [{id: s, shell: bash, run: "echo said=${{ inputs.word }} >> $GITHUB_OUTPUT"}]
"""


@pytest.mark.parametrize("killed", [(), ("scheduler",), ("vm_agent", "scheduler", "parser")], ids="+".join)
async def test_calls_actions_and_groups_come_to_their_end(system: System, killed: tuple[str, ...]) -> None:
    system.repository.commit({".github/workflows/called.yml": CALLED, "act/action.yml": ACTION})
    run_id = await system.start(WORKFLOW)
    await system.until(run_id, CallExpanded)
    await system.until(run_id, JobAssigned)
    for name in killed:
        await system.kill(name)
        await asyncio.sleep(0.2)
    view = await system.finished(run_id, 120)
    assert view.conclusion == "success", [job.why for job in view.jobs.values()]
    names = {job.name for job in view.jobs.values()}
    assert names == {"plan", "call (1)", "call (1) / work", "call (2)", "call (2) / work", "after"}
    await system.check()
