"""Write the CloudFormation templates of set-up kits as files, for an operator to host in S3."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from destinations.setup.hosted import folder, templates


class Command(BaseCommand):
    help = "Write the templates that links to CloudFormation need in S3; see CLOUDFORMATION_TEMPLATES_URLS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, help="where to; what lies there already stays")

    def handle(self, *args: Any, **given: Any) -> None:
        directory: Path = given["directory"]
        place = directory / folder()
        try:
            place.mkdir(parents=True, exist_ok=True)
            for template in templates().values():
                (place / template.filename).write_text(template.text)
        except OSError as error:
            raise CommandError(f"Nothing can be written to {place}: {error.strerror}.") from None
        self.stdout.write(
            f"{len(templates())} templates are in {place}. Copy the directory to where CLOUDFORMATION_TEMPLATES_URLS "
            f"says, such as: aws s3 cp --recursive {directory} s3://BUCKET/FOLDER"
        )
