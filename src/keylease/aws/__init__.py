"""AWS: the only importer of boto3. What boto3 raises stops here, and nothing here decides."""
