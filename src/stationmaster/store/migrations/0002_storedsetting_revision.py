from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='storedsetting',
            name='revision',
            field=models.BigIntegerField(default=1),      # what was saved before has a version too, and 0 means: nothing saved
            preserve_default=False,
        ),
    ]
