"""The report: figures and incidents of a mesh as HTML, Markdown, JSON and CSV.

`meshtui report` and the demonstration call it with slices.
"""
