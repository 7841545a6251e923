/* tls_floor PORT ROOTS CERTIFICATE KEY: what the C library and OpenSSL take by themselves for one connection to localhost with a client certificate.
 * Says the peak of its resident memory in KiB. Nothing is spared, nothing is done besides. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(int port) {
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 ? fd : -1;
}

static SSL_CTX *prepare(char **files) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx) return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(ctx, files[0], NULL) == 1 && SSL_CTX_use_certificate_chain_file(ctx, files[1]) == 1 &&
        SSL_CTX_use_PrivateKey_file(ctx, files[2], SSL_FILETYPE_PEM) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static long peak_kib(void) {
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && kib < 0 && fgets(line, sizeof line, file)) (void)sscanf(line, "VmHWM: %ld", &kib);
    if (file) (void)fclose(file);
    return kib;
}

int main(int argc, char **argv) {
    static const unsigned char protocol[] = "\x0ex-amzn-mqtt-ca", hello[] = {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'f'};
    unsigned char answer[4];
    int fd = argc == 5 ? dial(atoi(argv[1])) : -1;
    SSL_CTX *ctx = fd >= 0 ? prepare(argv + 2) : NULL;
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_set1_host(ssl, "localhost") != 1 || SSL_set_tlsext_host_name(ssl, "localhost") != 1 ||
        SSL_set_alpn_protos(ssl, protocol, sizeof protocol - 1) != 0 || SSL_connect(ssl) != 1 ||
        SSL_write(ssl, hello, sizeof hello) != (int)sizeof hello || SSL_read(ssl, answer, sizeof answer) != (int)sizeof answer || answer[3] != 0)
        return 1;
    printf("%ld\n", peak_kib());
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return close(fd);
}
