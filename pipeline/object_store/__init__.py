"""Object stores: S3 and servers with its protocol (`AWS_ENDPOINT_URL`). The door to boto3.

May import dataset and the rooms below it. Open `store.py` first.
"""
