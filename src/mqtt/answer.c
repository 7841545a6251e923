#include <stdlib.h>
#include <string.h>

#include "mqtt/outflow_priv.h"

struct words { /* the extra of a receipt */
    size_t len;
    uint8_t at[];
};

struct vch_mqtt_receipt *vch_mqtt_receipt_of(struct vch_mqtt_loop *home) {
    return home->broker->options.keeper ? vch_mqtt_receipt_new(&home->desk) : NULL;
}

/* ---- leaving ------------------------------------------------------------------------ */

/* What was to be durable is not: the client must not believe it. */
static void refuse(struct vch_mqtt_session *session, const struct vch_mqtt_receipt *receipt) {
    if (vch_mqtt_is_5(session) && (receipt->type == VCH_MQTT_PUBACK || receipt->type == VCH_MQTT_PUBREC)) {
        const struct vch_mqtt_ack ack = {.packet_id = receipt->packet_id,
                                         .reason = VCH_MQTT_RC_UNSPECIFIED_ERROR,
                                         .level = session->level};
        uint8_t out[16];
        size_t len;
        if (receipt->type == VCH_MQTT_PUBREC && vch_mqtt_received_remove(session, receipt->packet_id))
            vch_mqtt_keep_released(session, receipt->packet_id);
        if (vch_mqtt_puback_encode((enum vch_mqtt_type)receipt->type, &ack, out, sizeof out, &len) == VCH_OK)
            vch_conn_write(session->conn, vch_str_of(out, len));
        return;
    }
    vch_mqtt_session_fail(session, "store-failed", "", "What the packet changes could not be made durable.");
}

/* PUBACKs are bounded as the client was told; the rest is, too, so that repetitions do not fill memory while a disk is slow. */
static bool owes_too_much(const struct vch_mqtt_session *session) {
    size_t max = vch_mqtt_options_of(session)->inflight_max;
    return session->owed >= max || session->acks.count >= 2 * max;
}

static void leave_now(struct vch_mqtt_session *session) {
    struct vch_mqtt_receipt *receipt;
    while ((receipt = vch_mqtt_acks_take(&session->acks)) != NULL) {
        const struct words *words = receipt->extra;
        if (receipt->type == VCH_MQTT_PUBACK) session->owed--;
        if (session->state != SESSION_CONNECTED || !words) {
        } else if (atomic_load(&receipt->err) != VCH_OK) {
            refuse(session, receipt);
        } else {
            vch_conn_write(session->conn, vch_str_of(words->at, words->len));
        }
        vch_mqtt_receipt_free(receipt);
    }
    if (!owes_too_much(session)) vch_mqtt_session_unpause(session, PAUSE_ACKS);
}

/* ---- publications of the server's own ------------------------------------------------- */

struct vch_mqtt_completion {
    void (*done)(void *arg, enum vch_err err);
    void *arg;
};

static void completions(struct vch_mqtt_loop *home) {
    struct vch_mqtt_receipt *receipt;
    while ((receipt = vch_mqtt_acks_take(&home->server_acks)) != NULL) {
        const struct vch_mqtt_completion *completion = receipt->extra;
        if (completion) completion->done(completion->arg, (enum vch_err)atomic_load(&receipt->err));
        vch_mqtt_receipt_free(receipt);
    }
}

void vch_mqtt_answer_server(struct vch_mqtt_loop *home, struct vch_mqtt_receipt *receipt,
                            void (*done)(void *arg, enum vch_err err), void *arg) {
    struct vch_mqtt_completion *completion = done ? malloc(sizeof *completion) : NULL;
    if (completion) *completion = (struct vch_mqtt_completion){done, arg};
    if (done && !completion) done(arg, VCH_ERR_NOMEM);
    receipt->extra = completion;
    vch_mqtt_acks_add(&home->server_acks, UINT64_MAX, receipt);
    completions(home);
}

void vch_mqtt_answers_ready(void *arg, uint64_t owner_id) {
    struct vch_mqtt_loop *home = arg;
    vch_mqtt_enter(home);
    if (owner_id == UINT64_MAX) {
        completions(home);
    } else {
        struct vch_mqtt_session *session = vch_mqtt_lookup(home, owner_id);
        if (session) leave_now(session);
    }
    vch_mqtt_leave(home);
}

/* ---- saying --------------------------------------------------------------------------- */

static void wait(struct vch_mqtt_session *session, struct vch_str bytes, struct vch_mqtt_receipt *receipt) {
    struct words *words = malloc(sizeof *words + bytes.len);
    if (words) {
        words->len = bytes.len;
        memcpy(words->at, bytes.ptr, bytes.len);
    }
    receipt->extra = words;
    if (receipt->type == VCH_MQTT_PUBACK) session->owed++;
    vch_mqtt_acks_add(&session->acks, session->id, receipt);
    leave_now(session);
    if (owes_too_much(session)) vch_mqtt_session_pause(session, PAUSE_ACKS);
    if (!words) vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
}

void vch_mqtt_answer_bytes(struct vch_mqtt_session *session, struct vch_str bytes, struct vch_mqtt_receipt *receipt) {
    if (!receipt && !session->acks.first) {
        vch_conn_write(session->conn, bytes);
        return;
    }
    if (!receipt) receipt = vch_mqtt_receipt_new(&session->home->desk);
    if (receipt)
        wait(session, bytes, receipt);
    else
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
}

void vch_mqtt_answer(struct vch_mqtt_session *session, enum vch_mqtt_type type, uint16_t packet_id, uint8_t code,
                     struct vch_mqtt_receipt *receipt, const struct vch_diag *diag) {
    struct vch_mqtt_ack ack;
    uint8_t out[32 + sizeof diag->message];
    size_t len;
    ack.packet_id = packet_id;
    ack.reason = vch_mqtt_is_5(session) ? code : 0;
    ack.level = session->level;
    ack.props.present = 0;
    ack.props.raw = ack.props.extra = (struct vch_str){NULL, 0};
    if (diag && diag->reason && vch_mqtt_options_of(session)->explain && session->five &&
        session->five->problem_info) { /* [MQTT-3.1.2-29] */
        ack.props.present = VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_REASON_STRING);
        ack.props.reason_string = vch_str_from(diag->message);
    }
    if (receipt) receipt->type = (uint8_t)type;
    if (receipt) receipt->packet_id = packet_id;
    if (vch_mqtt_puback_encode(type, &ack, out, sizeof out, &len) == VCH_OK)
        vch_mqtt_answer_bytes(session, vch_str_of(out, len), receipt);
    else
        vch_mqtt_receipt_free(receipt);
}
