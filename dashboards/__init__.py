"""What people read: Elasticsearch documents and templates, and the sink that writes them."""
