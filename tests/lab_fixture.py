"""What tests of the trainer's JupyterLab share."""

TOKEN = "for-this-test-only"
