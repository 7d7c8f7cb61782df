"""What Kibana shows, said once in Python.

`views`, `where` and `subjects` say what is looked at, `measures` and `panels` what is shown of it. `boards`
and `searches` are what people open, `rules` what they are told of. Two things are made of that: Kibana's
saved objects (`columns`, `lens`, `dashboard`, `saved_objects`), and the same questions as Elasticsearch
searches (`questions`, `conditions`), by which every panel and rule is tried without Kibana.
"""
