"""What Kibana shows, said once in Python.

`views` and `where` say what is looked at, `measures` and `panels` what is shown of it, `boards` are the
dashboards themselves. Two things are made of that: Kibana's saved objects (`lens`, `saved_objects`), and
the same questions as Elasticsearch searches (`questions`), by which every panel is tried without Kibana.
"""
