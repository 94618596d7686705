from django.db import migrations


def fill(apps, schema_editor):
    entries = apps.get_model("accounts", "AuditEntry").objects.filter(actor_id="")
    for pk, actor in entries.values_list("pk", "actor").iterator():
        entries.filter(pk=pk).update(actor_id=actor.get("id", ""))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_people_and_mail")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
