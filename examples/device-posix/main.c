/* device-posix: a device on Linux, with libvouch-device and OpenSSL.
 *
 *   device-posix HOST PORT CLIENT_ID DIR [--cbor] [--mqtt5] [--csr] [--rotate TEMPLATE | --provision TEMPLATE]
 *
 * DIR holds root.pem (whom to trust), for provisioning claim.pem and claim.key,
 * and, once the device has it, its identity: certificate and key in device.pem.
 * What is under way stands in next.pem and journal; started again, an exchange
 * that was cut off goes on. In the end, and when neither --provision nor --rotate
 * is given, it connects with its identity and publishes one message.
 *
 * To build it against an installed library:
 *   cc main.c tls.c files.c request.c -lvouch-device -lssl -lcrypto
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "example.h"

enum { IN_SIZE = 8192, OUT_SIZE = 4096 };

struct job {
    const char *host, *port, *client_id, *template_name;
    bool provision, rotate, cbor, mqtt5, csr;
    char request[2048], own_key[4096]; /* with --csr */
};

static struct vch_device device;
static uint8_t in[IN_SIZE], out[OUT_SIZE];

static int complain(const char *doing, enum vch_device_status status) {
    const struct vch_device_failure *f = &device.failure;
    fprintf(stderr, "%s: %s (%s) %d %s %s\n", doing, vch_device_status_word(status), vch_device_stage_word(f->stage),
            f->code, f->error_code, f->error_message);
    return 1;
}

/* ---- what the library calls --------------------------------------------- */

static int save(void *arg, const struct vch_device_identity *identity) {
    static char both[IN_SIZE];
    const struct job *job = arg;
    const char *key = identity->private_key_pem ? identity->private_key_pem : job->own_key;
    int len = snprintf(both, sizeof both, "%s%s", identity->certificate_pem, key);
    int failed = len < 0 || (size_t)len >= sizeof both || file_write("next.pem", both, (size_t)len);
    OPENSSL_cleanse(both, sizeof both);
    return failed;
}

/* In one step: at every moment there is one whole identity. */
static int put_to_use(void *arg, const struct vch_device_provisioned *made) {
    (void)arg;
    if (made) printf("registered %s, configuration %s\n", made->thing_name, made->configuration_json);
    return file_move("next.pem", "device.pem");
}

static void progress(void *arg, enum vch_device_stage stage) {
    (void)arg;
    printf("stage %s\n", vch_device_stage_word(stage));
    fflush(stdout);
}

/* ---- connections -------------------------------------------------------- */

static enum vch_device_status open_link(struct tls *tls, const struct job *job, const char *cert, const char *key) {
    const struct vch_device_connect connect = {
        .client_id = job->client_id, .keep_alive_s = 1200, .clean_session = true, .protocol = job->mqtt5 ? 5 : 4};
    if (tls_open(tls, job->host, job->port, "root.pem", cert, key) != 0) return VCH_DEVICE_NETWORK;
    const struct vch_device_options options = {.transport = tls_transport(tls),
                                               .in = in,
                                               .in_size = sizeof in,
                                               .out = out,
                                               .out_size = sizeof out,
                                               .deadline_ms = tls_now_ms(tls) + 60000};
    enum vch_device_status status = vch_device_init(&device, &options);
    return status == VCH_DEVICE_OK ? vch_device_connect(&device, &connect) : status;
}

static void close_link(struct tls *tls) {
    if (device.connected) (void)vch_device_disconnect(&device);
    tls_close(tls);
}

/* ---- one exchange ------------------------------------------------------- */

/* The connection that began it may be gone for good, because its end was
 * reached and only the answer was lost: then the new identity can connect. */
static int adopt(const struct job *job) {
    struct vch_device_pending pending;
    struct tls tls;
    const struct vch_device_storage storage = {journal_load, journal_save, journal_erase, NULL};
    if (vch_device_pending(&device, &storage, &pending) != VCH_DEVICE_OK || !pending.any) return 1;
    bool works = open_link(&tls, job, "next.pem", "next.pem") == VCH_DEVICE_OK;
    close_link(&tls);
    if (!works) return 1;
    printf("adopted %s\n", pending.certificate_id);
    return put_to_use(NULL, NULL) || journal_erase(NULL);
}

static int exchange(struct job *job) {
    const struct vch_device_storage storage = {journal_load, journal_save, journal_erase, NULL};
    const struct vch_device_pair parameters[] = {{"ThingName", job->client_id}};
    const struct vch_device_provision p = {.template_name = job->template_name,
                                           .csr_pem = job->csr ? job->request : NULL,
                                           .parameters = parameters,
                                           .parameter_count = 1,
                                           .save = save,
                                           .progress = progress,
                                           .arg = job,
                                           .format = job->cbor ? VCH_DEVICE_CBOR : VCH_DEVICE_JSON,
                                           .storage = &storage,
                                           .registered = put_to_use};
    struct vch_device_provisioned made;
    struct tls tls;
    if (job->csr && request_make(job->client_id, job->own_key, sizeof job->own_key, job->request, sizeof job->request))
        return 1;
    const char *cert = job->rotate ? "device.pem" : "claim.pem", *key = job->rotate ? "device.pem" : "claim.key";
    enum vch_device_status status = open_link(&tls, job, cert, key);
    bool was_let_in = status == VCH_DEVICE_OK;
    if (was_let_in)
        status = job->rotate ? vch_device_rotate(&device, &p, &made) : vch_device_provision(&device, &p, &made);
    close_link(&tls);
    if (status == VCH_DEVICE_OK) return 0;
    if (!was_let_in && adopt(job) == 0) return 0;
    return complain("exchange", status);
}

/* A record whose identity is in use already: only the last step was cut off. */
static int tidy(void) {
    return access("next.pem", F_OK) != 0 ? journal_erase(NULL) : 0;
}

static bool is_done(const struct job *job) {
    return job->provision && access("device.pem", F_OK) == 0;
}

static int publish(const struct job *job) {
    static const char payload[] = "{\"hello\":\"world\"}";
    char topic[160];
    struct tls tls;
    (void)snprintf(topic, sizeof topic, "%s/hello", job->client_id);
    enum vch_device_status status = open_link(&tls, job, "device.pem", "device.pem");
    if (status == VCH_DEVICE_OK) status = vch_device_publish(&device, topic, payload, sizeof payload - 1, 1);
    close_link(&tls);
    if (status != VCH_DEVICE_OK) return complain("publish", status);
    printf("published to %s\n", topic);
    return 0;
}

static bool take_option(struct job *job, char ***argv) {
    const char *name = *(*argv)++;
    job->cbor |= strcmp(name, "--cbor") == 0;
    job->mqtt5 |= strcmp(name, "--mqtt5") == 0;
    job->csr |= strcmp(name, "--csr") == 0;
    bool provision = strcmp(name, "--provision") == 0, rotate = strcmp(name, "--rotate") == 0;
    if (!provision && !rotate)
        return strcmp(name, "--cbor") == 0 || strcmp(name, "--mqtt5") == 0 || strcmp(name, "--csr") == 0;
    job->provision = provision;
    job->rotate = rotate;
    job->template_name = **argv;
    return *(*argv)++ != NULL;
}

int main(int argc, char **argv) {
    static struct job job;
    if (argc < 5 || file_enter(argv[4]) != 0) return 2;
    job.host = argv[1];
    job.port = argv[2];
    job.client_id = argv[3];
    for (argv += 5; *argv;)
        if (!take_option(&job, &argv)) return 2;
    if (tidy() != 0) return 1;
    int exit = job.template_name && !is_done(&job) ? exchange(&job) : 0;
    return exit == 0 ? publish(&job) : exit;
}
