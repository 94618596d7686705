"""Ways to bring about each failure that no service answers with: found before a request, or for want of an answer.

A row of the error table without a way here fails its test; so does a way without a row.
"""

import socket
from datetime import timedelta

from django.utils import timezone

from accounts.audit import SYSTEM
from delivery.drain import drain
from delivery.expiry import expire_held
from delivery.models import DeadLetter
from destinations.credentials import switch_over
from destinations.doctor.network import check_addresses
from destinations.models import Destination, TestRun
from destinations.outcome import DeliveryError, RefusedError
from destinations.services import update_destination
from destinations.targets import Context, all_targets
from destinations.targets.cloudwatch_logs import CloudWatchLogs
from destinations.targets.datadog import Datadog
from destinations.targets.kinesis import Kinesis
from destinations.testing import run_test, start_test_run
from tests.destinations.doctor.explained import failure_of
from tests.destinations.doctor.ways import (
    NOBODY,
    STREAM_ARN,
    WAYS,
    Failure,
    Rig,
    datadog,
    gives,
    kinesis,
    listener,
    of_first_step,
    somebody_else,
)
from tests.destinations.targets.fake_aws import identity
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, DEMO, KEY_SECRETS, make_record
from tests.factories import make_destination

__all__ = ["WAYS"]

GROUP_ARN = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme"
OURS = {"aws_access_key_id": "AKIAOURSOURSOURSOURS", "aws_secret_access_key": "our-secret"}


def _of_datadog(url: str, **changed: str) -> Failure:
    return Failure("datadog", {}, failure_of(datadog(url, **changed)))


def _of_kinesis(url: str) -> Failure:
    return Failure("kinesis", BY_KEYS, failure_of(kinesis(url)))


def _of_sign_in(url: str) -> Failure:
    config = {**BY_ROLE, "stream_arn": STREAM_ARN}
    return Failure("kinesis", config, failure_of(Kinesis(config, {}, Context("ac_external", aws_url=url, **OURS))))


@gives("unreachable")
def nobody_listens(rig: Rig) -> Failure:
    return _of_datadog(NOBODY)


@gives("unreachable")
def nobody_listens_at_aws(rig: Rig) -> Failure:
    return _of_kinesis(NOBODY)


@gives("unreachable")
def nobody_listens_at_sts(rig: Rig) -> Failure:
    return _of_sign_in(NOBODY)


@gives("unreachable")
def doctor_finds_nobody(rig: Rig) -> Failure:
    target = datadog(NOBODY)
    return Failure("datadog", {}, failure_of(target, lambda: check_addresses(target.addresses())))


@gives("timeout")
def service_hangs(rig: Rig) -> Failure:
    rig.monkeypatch.setattr("destinations.targets._http.TOTAL_TIMEOUT_SECONDS", 0.2)
    with listener(closes=False) as url:
        return _of_datadog(url)


@gives("timeout")
def aws_hangs(rig: Rig) -> Failure:
    rig.monkeypatch.setattr("destinations.targets._aws_session.READ_TIMEOUT_SECONDS", 0.2)
    with listener(closes=False) as url:
        return _of_kinesis(url)


@gives("connection_lost")
def connection_breaks(rig: Rig) -> Failure:
    with listener(closes=True) as url:
        return _of_datadog(url)


@gives("connection_lost")
def connection_to_aws_breaks(rig: Rig) -> Failure:
    with listener(closes=True) as url:
        return _of_kinesis(url)


@gives("tls")
def certificate_is_somebody_elses(rig: Rig) -> Failure:
    with somebody_else(rig.tmp_path) as url:
        return _of_datadog(url)


@gives("tls")
def certificate_at_aws_is_somebody_elses(rig: Rig) -> Failure:
    with somebody_else(rig.tmp_path) as url:
        return _of_kinesis(url)


@gives("tls")
def doctor_finds_the_certificate_of_somebody_else(rig: Rig) -> Failure:
    with somebody_else(rig.tmp_path) as url:
        target = datadog(url)
        return Failure("datadog", {}, failure_of(target, lambda: check_addresses(target.addresses())))


@gives("address_forbidden")
def customer_names_a_private_host(rig: Rig) -> Failure:
    rig.monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.8", 443))])
    demo = DEMO["azure_logs_ingestion"]
    host = {"logs_ingestion_uri": "https://acme.westeurope-1.ingest.monitor.azure.com"}
    target = all_targets()[demo.target]({**demo.config, **host}, demo.secrets, Context(""))
    return Failure(demo.target, demo.config, failure_of(target))


@gives("unknown_answer")
def proxy_answers_in_place_of_the_service(rig: Rig) -> Failure:
    rig.fake_aws.answer("PutRecords", {"Records": []}, headers={"x-amzn-RequestId": ""})
    return _of_kinesis(rig.fake_aws.url)


@gives("unknown_answer")
def proxy_answers_in_place_of_sts(rig: Rig) -> Failure:
    rig.fake_aws.answer("AssumeRole", "<html><body>Sign in to the network<br></body></html>")
    return _of_sign_in(rig.fake_aws.url)


@gives("other_account")
def key_of_another_account(rig: Rig) -> Failure:
    rig.fake_aws.answer("GetCallerIdentity", identity("999988887777"))
    config = {**BY_KEYS, "log_group_arn": GROUP_ARN}
    target = CloudWatchLogs(config, KEY_SECRETS, Context("", aws_url=rig.fake_aws.url))
    return Failure("cloudwatch_logs", config, failure_of(target, target.test_steps(make_record())[1].run))


@gives("other_resource")
def another_resource_answers(rig: Rig) -> Failure:
    other = STREAM_ARN.replace("111122223333", "999988887777")
    found = {"StreamStatus": "ACTIVE", "OpenShardCount": 1, "StreamARN": other}
    rig.fake_aws.answer("DescribeStreamSummary", {"StreamDescriptionSummary": found})
    target = kinesis(rig.fake_aws.url)
    return Failure("kinesis", BY_KEYS, failure_of(target, target.test_steps(make_record())[2].run))


@gives("not_found_again")
def record_is_not_where_it_was_put(rig: Rig) -> Failure:
    rig.fake_aws.answer("GetShardIterator", {"ShardIterator": "position"})
    rig.fake_aws.answer("GetRecords", {"Records": []})
    target = kinesis(rig.fake_aws.url)
    target.test_steps(make_record())[-1].run()
    return Failure("kinesis", BY_KEYS, failure_of(target, lambda: target.read_back(make_record())))


@gives("span")
def records_lie_more_than_a_day_apart(rig: Rig) -> Failure:
    config = {**BY_KEYS, "log_group_arn": GROUP_ARN}
    target = CloudWatchLogs(config, KEY_SECRETS, Context("", aws_url=rig.fake_aws.url))
    records = [make_record(age=timedelta(days=days)) for days in (0, 2)]
    return Failure("cloudwatch_logs", config, failure_of(target, lambda: target.send(records)))


@gives("invalid_arn")
def no_arn_is_stored(rig: Rig) -> Failure:
    return of_first_step("kinesis", {**BY_KEYS, "stream_arn": "acme"})


@gives("no_secret")
def secret_of_a_key_is_missing(rig: Rig) -> Failure:
    return of_first_step("kinesis", {**BY_KEYS, "stream_arn": STREAM_ARN})


@gives("no_secret")
def datadog_key_is_missing(rig: Rig) -> Failure:
    return of_first_step("datadog", DEMO["datadog"].config)


@gives("no_secret")
def client_secret_is_missing(rig: Rig) -> Failure:
    return of_first_step("azure_logs_ingestion", DEMO["azure_logs_ingestion"].config)


@gives("no_identity")
def installation_has_no_identity(rig: Rig) -> Failure:
    config = {**BY_ROLE, "stream_arn": STREAM_ARN}
    return Failure("kinesis", config, failure_of(Kinesis(config, {}, Context(""))))


@gives("invalid_site")
def no_site_of_datadog(rig: Rig) -> Failure:
    return _of_datadog(NOBODY, site="datadog.example")


@gives("invalid_address")
def no_address_of_azure(rig: Rig) -> Failure:
    return of_first_step("azure_logs_ingestion", {})


@gives("record_too_large")
def record_is_larger_than_azure_takes(rig: Rig) -> Failure:
    demo = DEMO["azure_logs_ingestion"]
    target = all_targets()[demo.target](demo.config, demo.secrets, Context(""))
    error = failure_of(target, target.test_steps(make_record(size=70_000))[-1].run)
    return Failure(demo.target, demo.config, error)


def _only_letter(target: str) -> Failure:
    letter = DeadLetter.objects.get()
    return Failure(target, {}, RefusedError(letter.reason, code=letter.code, said=letter.reason))


@gives("too_old")
def record_is_older_than_cloudwatch_logs_takes(rig: Rig) -> Failure:
    rig.fake_aws.answer("PutLogEvents", {"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}})
    config = {**BY_KEYS, "log_group_arn": GROUP_ARN}
    target = CloudWatchLogs(config, KEY_SECRETS, Context("", aws_url=rig.fake_aws.url))
    (rejection,) = target.send([make_record()]).rejections
    target.close()
    error = RefusedError(rejection.message, code=rejection.code, said=rejection.message)
    return Failure("cloudwatch_logs", config, error)


@gives("too_old")
def record_is_older_than_datadog_takes(rig: Rig) -> Failure:
    place = make_destination(rig.account, refuses_too_old=True)
    rig.held(place, 1, routed_at=timezone.now() - timedelta(days=3))
    # Nothing is sent, so nobody need listen.
    drain(place.pk)
    return _only_letter("datadog")


@gives("expired")
def record_is_held_for_too_long(rig: Rig) -> Failure:
    now = timezone.now() - timedelta(days=rig.account.payload_retention_days + 1)
    rig.held(make_destination(rig.account), 1, routed_at=now)
    expire_held()
    return _only_letter("datadog")


@gives("expired")
def record_for_cloudwatch_logs_is_held_for_too_long(rig: Rig) -> Failure:
    record_is_held_for_too_long(rig)
    return _only_letter("cloudwatch_logs")


@gives("deleted")
def destination_of_a_held_record_is_deleted(rig: Rig) -> Failure:
    place = make_destination(rig.account)
    rig.held(place, 1)
    Destination.objects.filter(pk=place.pk).update(deleted_at=timezone.now())
    expire_held()
    return _only_letter("datadog")


@gives("internal_error")
def our_own_code_breaks(rig: Rig) -> Failure:
    def explode(_: Datadog) -> None:
        raise ZeroDivisionError

    rig.settings.DEMO, rig.settings.DEMO_DATADOG_URL = True, rig.fake_aws.url
    rig.monkeypatch.setattr(Datadog, "_validate_key", explode)
    demo = DEMO["datadog"]
    run = start_test_run(account=rig.account, target="datadog", config=demo.config, secrets=demo.secrets)
    run_test(run.pk)
    run.refresh_from_db()
    failed = next(step for step in run.steps if step["status"] == "failed")
    return Failure("datadog", {}, DeliveryError(failed["detail"], code=failed["code"], remedy=failed["remedy"]))


@gives("overtaken")
def destination_changes_while_its_new_key_is_tested(rig: Rig) -> Failure:
    destination = make_destination(rig.account)
    before = {"revision": destination.revision}
    update_destination(destination=destination, actor=SYSTEM, secrets={"api_key": "a" * 32})
    run = TestRun(account=rig.account, destination=destination, target="datadog", rotation=before)
    return Failure("datadog", {}, failure_of(datadog(NOBODY), lambda: switch_over(run)))
