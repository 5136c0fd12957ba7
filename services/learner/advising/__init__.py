"""What is advised, and what becomes of it: the latest outcomes in memory, the formulas of `learning`, and a thin shell
that writes `ev.advice.>` and `ev.recognition.>`. Advice decides nothing by itself.
"""
