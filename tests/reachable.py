"""`python -m tests.reachable DATABASE_URL REDIS_URL`: exit code 0 when both answer."""

import sys

import psycopg
from redis import Redis, RedisError


def main(database_url: str, redis_url: str) -> int:
    try:
        psycopg.connect(database_url.rsplit("/", 1)[0] + "/postgres", connect_timeout=3).close()
        Redis.from_url(redis_url, socket_connect_timeout=3).ping()
    except (psycopg.Error, RedisError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
