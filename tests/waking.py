"""Looking into a real queue, and doing what stands in it."""

from django.conf import settings
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from delivery.workers import work


def jobs(redis: "Redis", name: str) -> int:
    return len(Queue(name, connection=redis, serializer=JSONSerializer))


def work_everything() -> None:
    for name in settings.QUEUE_NAMES:
        work(name, burst=True)
