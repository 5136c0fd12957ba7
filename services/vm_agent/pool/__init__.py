"""Machines that stand ready before a job wants one: what to start, ask and retire (pure), and the tasks that do it."""
