"""Records as lines: what is cut out of them or put into another order says the same of each line as before."""

from datetime import timedelta

from destinations.records import Records, as_record
from tests.destinations.targets.samples import make_record

LINES = [make_record(index, age=timedelta(hours=index, milliseconds=index)).data for index in range(4)]


def test_times_are_those_of_the_lines_also_after_cutting_and_ordering() -> None:
    stamps = [as_record(line).timestamp_ms for line in LINES]
    read, unread = Records(LINES), Records(LINES)

    assert (list(read.timestamps_ms), len(set(stamps))) == (stamps, 4)
    for records in (read, unread):
        cut, turned = records[1:3], records.chosen([3, 1, 0])
        assert (list(cut.timestamps_ms), list(cut.indexes)) == (stamps[1:3], [1, 2])
        assert (list(turned.timestamps_ms), list(turned.indexes)) == ([stamps[3], stamps[1], stamps[0]], [3, 1, 0])
        assert [record.timestamp_ms for record in turned[:2]] == list(turned[:2].timestamps_ms)


def test_no_records_have_no_times() -> None:
    assert list(Records([]).timestamps_ms) == list(Records(LINES)[4:].timestamps_ms) == []
