"""Pictures beside words. Owns: which there are, by their names in Tabler's set; `make assets` draws one file of them all."""

from typing import Final

ICONS: Final = frozenset(
    """
    activity activity-heartbeat adjustments alert-circle alert-octagon alert-triangle api archive armchair armchair-2
    arrow-back-up arrow-down arrow-left arrow-merge arrow-right arrow-up arrows-join arrows-right-left arrows-shuffle
    arrows-sort arrows-split arrows-up-down ban bell bolt bolt-off book bookmark box briefcase building building-bank
    building-community building-plus building-skyscraper calendar calendar-due calendar-event calendar-off calendar-stats
    cash chart-area chart-bar chart-dots chart-histogram chart-infographic chart-line chart-pie check checkbox checklist
    checks chevron-down chevron-left chevron-right chevron-up circle circle-check circle-dashed circle-dot circle-half-2
    circle-minus circle-off circle-plus circle-x clipboard clipboard-check clipboard-list clock clock-check
    clock-exclamation clock-hour-4 clock-pause clock-play cloud cloud-off cloud-upload code coin coins columns columns-3
    command copy credit-card cut dashboard database device-desktop device-laptop dots dots-vertical download edit eraser
    exchange external-link eye eye-check eye-off file file-diff file-dollar file-export file-import file-invoice file-text
    filter flag flask folder forms gauge git-branch git-compare git-pull-request grid-dots grip-vertical hand-stop heartbeat
    help help-circle hierarchy hierarchy-2 history home hourglass id id-badge id-badge-2 inbox info-circle key key-off
    keyboard language layout-dashboard layout-grid layout-list link list list-check list-details list-numbers loader lock
    lock-access lock-off lock-open lock-square login logout logs mail mail-forward mail-opened map-pin menu-2 message minus
    moon network note notes package packages pencil pin pinned player-pause player-play player-stop plug plug-connected
    plug-connected-x plus point progress progress-alert progress-check progress-x question-mark radar receipt receipt-2
    recycle refresh refresh-alert replace report report-analytics report-money robot rocket rotate rotate-clockwise route
    route-2 ruler-2 scale search seedling send server server-2 server-bolt server-cog settings share shield shield-check
    shield-lock shield-x sitemap sort-ascending sort-descending square square-check stack-2 star subtask sun sun-moon
    swimming switch-horizontal table table-options tag target target-arrow terminal terminal-2 test-pipe ticket timeline
    timeline-event toggle-left tool tools traffic-lights transfer trash trending-up upload user user-check user-circle
    user-cog user-edit user-exclamation user-minus user-off user-plus user-question user-search user-share user-shield
    user-up user-x users users-group users-minus users-plus variable wallet webhook wifi world x zoom-check zoom-in
    zoom-question
    """.split()  # noqa: SIM905  one a line would be two hundred
)
