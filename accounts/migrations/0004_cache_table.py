from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    """Counted tries and spent codes live in the database (CACHES); the command leaves a table that exists alone."""
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_fill_audit_actor")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
