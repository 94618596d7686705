from django.contrib import admin

from common.admin import HistoryAdmin
from dashboard.models import Notice


@admin.register(Notice)
class NoticeAdmin(HistoryAdmin):
    list_display = ["began_at", "kind", "destination", "subscription", "ended_at", "was_mailed"]
    list_filter = ["kind", ("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["destination__id", "subscription__id"]
    list_select_related = ["destination", "subscription"]
