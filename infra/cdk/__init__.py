"""The system on AWS, as a CDK application: ``make synth``, ``cdk deploy`` (docs/deploy.md)."""
