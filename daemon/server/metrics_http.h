/*
 * metrics_http: the collector's way to the metrics.
 */
#ifndef METRICS_HTTP_H
#define METRICS_HTTP_H

#include "server.h"

struct MHD_Daemon;

/*
 * Serves /metrics if `metrics-listen` is set, else leaves *ret NULL. E_USAGE unless it is
 * loopback.
 */
MUST bool metrics_serve(struct ctx *, struct server *, struct MHD_Daemon **ret);

#endif
