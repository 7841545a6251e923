/* What connections cost: mutual TLS handshakes in CPU time of the server's
 * thread, and memory of an idle connection. Not run by ctest:
 *   bench_conn [connections] [kind: tls13 | tls12]
 * The clients are a process of their own, so that memory is the server's. */
#include "base/clock.h"
#include "net/conn.h"
#include "support/folder.h"
#include "support/tls_material.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic unsigned opened, closed;

static void on_open(struct vch_conn *conn, void *arg) {
    (void)conn;
    (void)arg;
    atomic_fetch_add(&opened, 1);
}

static size_t on_data(struct vch_conn *conn, void *arg, struct vch_str bytes) {
    (void)arg;
    vch_conn_write(conn, bytes);
    return bytes.len;
}

static void on_close(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag) {
    (void)conn;
    (void)arg;
    (void)reason;
    (void)diag;
    atomic_fetch_add(&closed, 1);
}

static void on_accept(struct vch_conn *conn, void *arg) {
    static const struct vch_conn_handler handler = {on_open, on_data, NULL, on_close, NULL};
    vch_conn_set_handler(conn, &handler, arg);
}

static enum vch_err welcome(void *arg, const char id[65], struct vch_diag *diag) {
    (void)arg;
    (void)id;
    (void)diag;
    return VCH_OK;
}

/* ---- the clients --------------------------------------------------------------- */

static SSL_CTX *client_context(const struct tls_material *device, bool tls12) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (tls12) (void)SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    BIO *bio = BIO_new_mem_buf(device->certificate_pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bio = BIO_new_mem_buf(device->key_pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    vch_assert(SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ctx;
}

static void connect_one(SSL_CTX *ctx, uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char byte = 'x';
    SSL *ssl = SSL_new(ctx);
    vch_assert(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    vch_assert(SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1);
    vch_assert(SSL_write(ssl, &byte, 1) == 1 && SSL_read(ssl, &byte, 1) == 1); /* one message, as a device does */
}

/* Connects all, says so, and sits until its input ends. */
static void run_clients(const struct tls_material *device, bool tls12, uint16_t port, unsigned count, int done_fd,
                        int end_fd) {
    char byte = 0;
    SSL_CTX *ctx = client_context(device, tls12);
    for (unsigned i = 0; i < count; i++) connect_one(ctx, port);
    vch_assert(write(done_fd, "d", 1) == 1);
    (void)!read(end_fd, &byte, 1);
    _exit(0);
}

/* ---- the server ------------------------------------------------------------------- */

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    vch_assert(file && fscanf(file, "%ld %ld", &pages, &resident) == 2);
    (void)fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static double cpu_us(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void measure(const struct tls_material *device, bool tls12, uint16_t port, unsigned count) {
    int done[2], end[2];
    char byte;
    vch_assert(pipe(done) == 0 && pipe(end) == 0);
    unsigned before_open = atomic_load(&opened), before_closed = atomic_load(&closed);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(end[1]);
        run_clients(device, tls12, port, count, done[1], end[0]);
    }
    (void)close(end[0]);
    long before_kib = resident_kib();
    double before_us = cpu_us();
    size_t before_heap = mallinfo2().uordblks;
    int64_t before_wall = vch_mono_ms();
    vch_assert(read(done[0], &byte, 1) == 1);
    double wall_ms = (double)(vch_mono_ms() - before_wall);
    double spent = cpu_us() - before_us;
    unsigned got = atomic_load(&opened) - before_open;
    (void)usleep(200000);
    printf("%s: %u connections, %.2f KiB resident each, %.2f KiB of heap in use each, %.0f us of CPU and %.2f ms per "
           "connect\n",
           tls12 ? "TLS 1.2" : "TLS 1.3", got, (double)(resident_kib() - before_kib) / got,
           (double)(mallinfo2().uordblks - before_heap) / 1024.0 / got, spent / got, wall_ms / got);
    (void)close(end[1]);
    (void)waitpid(pid, NULL, 0);
    while (atomic_load(&closed) - before_closed < got) (void)usleep(1000);
    (void)close(done[0]);
    (void)close(done[1]);
}

int main(int argc, char **argv) {
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2000;
    bool tls12 = argc > 2 && strcmp(argv[2], "tls12") == 0;
    struct tls_material server, device;
    char folder[64], certificate[128], key[128];
    struct vch_tls *tls = NULL;
    struct vch_loop *loop = NULL;
    struct vch_listener *listener = NULL;
    uint16_t port = 0;
    int fd = -1;
    struct rlimit limit = {count + 100, count + 100};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    folder_make(folder);
    tls_make(&server, TLS_P256, "localhost", "DNS:localhost", 2);
    tls_make(&device, TLS_P256, "device", NULL, 2);
    tls_save(&server, folder, certificate, key);
    const struct vch_tls_options options = {certificate, key, VCH_CLIENT_CERT_REQUIRED, NULL, welcome, NULL};
    vch_assert(vch_tls_new(&options, &tls, NULL) == VCH_OK &&
               vch_listen(VCH_STR("127.0.0.1:0"), &fd, &port, NULL) == VCH_OK);
    vch_assert(vch_loop_new(0, &loop) == VCH_OK);
    const struct vch_listener_options listening = {.fd = fd, .tls = tls, .on_accept = on_accept};
    vch_assert(vch_listener_new(loop, &listening, &listener) == VCH_OK && vch_loop_start(loop) == VCH_OK);
    measure(&device, tls12, port, 50); /* warms up the library */
    measure(&device, tls12, port, count);
    vch_loop_stop(loop);
    vch_loop_join(loop);
    vch_listener_free(listener);
    vch_loop_free(loop);
    vch_tls_free(tls);
    folder_remove(folder);
    return 0;
}
