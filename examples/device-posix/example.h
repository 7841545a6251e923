/* The parts of the example: TLS over a socket, files in the folder it works in,
 * a key and a request. All return 0 when they are done. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <openssl/ssl.h>
#include <vouch/device.h>

struct tls {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
};
int tls_open(struct tls *tls, const char *host, const char *port, const char *root, const char *cert, const char *key);
void tls_close(struct tls *tls);
int64_t tls_now_ms(void *tls);
struct vch_device_transport tls_transport(struct tls *tls);

int file_enter(const char *dir);
/* Whole or not at all, durable, readable by nobody else. */
int file_write(const char *name, const void *bytes, size_t len);
int file_move(const char *from, const char *to);
int journal_load(void *arg, void *record, size_t size, size_t *ret_len);
int journal_save(void *arg, const void *record, size_t len);
int journal_erase(void *arg);

int request_make(const char *name, char *ret_key, size_t key_size, char *ret_request, size_t request_size);

#endif
