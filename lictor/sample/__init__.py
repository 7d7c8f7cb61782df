"""The sample workload: a small web server in a real container, and the attack through its page.

``apt_sources`` says where packages come from, ``rootfs`` makes the file system from them, ``bundle`` says
what the container may do, ``container`` runs it, ``keeper`` sees that nothing of it stays behind, ``netns``
reaches into its network, ``visitor`` asks for its pages, ``attack`` breaks in, ``documents`` holds its policy
and its identity, ``site`` what the web server serves.
"""
