/*
 * bare: the least that an HTTPS server on libmicrohttpd can be. A pool of polling threads that
 * answers every request with the same bytes and headers, out of files: what the library and TLS
 * cost by themselves, for bench/http to compare with.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

enum { FILE_LIMIT = 1 << 20, HEADERS_MAX = 32 };

static struct {
	char *body;
	size_t size;
	char *name[HEADERS_MAX], *value[HEADERS_MAX];
	size_t headers;
} answer;

_Noreturn static void
refuse(const char *what)
{
	fprintf(stderr, "bare: %s\n", what);
	exit(2);
}

static char *
read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, FILE_LIMIT);

	if (f == NULL || text == NULL)
		refuse(path);
	*ret_size = fread(text, 1, FILE_LIMIT - 1, f);
	fclose(f);
	return text;
}

/* Lines of "Name: value". */
static void
read_headers(const char *path)
{
	size_t size;
	char *text = read_file(path, &size), *line;

	while ((line = strsep(&text, "\n")) != NULL && answer.headers < HEADERS_MAX) {
		char *name = strsep(&line, ":");

		if (line == NULL)
			continue;
		answer.name[answer.headers] = name;
		answer.value[answer.headers++] = line + strspn(line, " ");
	}
}

static enum MHD_Result
respond(void *arg, struct MHD_Connection *conn, const char *url, const char *method,
    const char *version, const char *body, size_t *body_size, void **state)
{
	static int seen;
	struct MHD_Response *response;
	enum MHD_Result ok;

	(void)arg, (void)url, (void)method, (void)version, (void)body;
	/* The first call of each request only announces its head; bodies are not looked at. */
	if (*state == NULL || *body_size > 0) {
		*state = &seen;
		*body_size = 0;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(
	    answer.size, answer.body, MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		return MHD_NO;
	for (size_t i = 0; i < answer.headers; i++)
		(void)MHD_add_response_header(response, answer.name[i], answer.value[i]);
	ok = MHD_queue_response(conn, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return ok;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct MHD_Daemon *daemon;
	char *certificate, *key;
	size_t size;
	sigset_t ends;
	int which;

	if (argc != 9)
		refuse(
		    "usage: bare ADDRESS PORT THREADS PRIORITIES CERTIFICATE KEY BODY HEADERS");
	if (inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
		refuse("not an address");
	at.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	certificate = read_file(argv[5], &size);
	key = read_file(argv[6], &size);
	answer.body = read_file(argv[7], &answer.size);
	read_headers(argv[8]);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL,
	    respond, NULL, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_THREAD_POOL_SIZE,
	    (unsigned)strtoul(argv[3], NULL, 10), MHD_OPTION_HTTPS_PRIORITIES, argv[4],
	    MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_HTTPS_MEM_KEY, key,
	    MHD_OPTION_CONNECTION_LIMIT, 4096U, MHD_OPTION_END);
	if (daemon == NULL)
		refuse("cannot start");
	sigwait(&ends, &which);
	MHD_stop_daemon(daemon);
	return 0;
}
