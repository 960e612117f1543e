"""Runs a command beside moto's S3 server: with.py BUCKET COMMAND...

The command finds the server, the credentials for it and the bucket (which is
empty, and gone afterwards) in its environment.
"""
import logging
import os
import subprocess
import sys

import boto3
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
bucket, command = sys.argv[1], sys.argv[2:]
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
environ = dict(os.environ, AWS_ENDPOINT_URL=f"http://{host}:{port}", AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="test",
               AWS_SECRET_ACCESS_KEY="test", DQ_TEST_S3=f"s3://{bucket}")
boto3.client("s3", endpoint_url=environ["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id="test",
             aws_secret_access_key="test").create_bucket(Bucket=bucket)
try:
    code = subprocess.run(command, env=environ).returncode
finally:
    server.stop()
sys.exit(code)
