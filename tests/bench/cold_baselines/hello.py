"""The least that a FastAPI application behind Mangum can be."""

from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()


@app.get("/health")
async def hello() -> dict[str, str]:
    """Answer."""
    return {"hello": "world"}


handler = Mangum(app, lifespan="off")
