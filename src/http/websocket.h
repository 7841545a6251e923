/* WebSocket, the server's side: the handshake's rules, and the frames as a
 * filter of a connection, so that whoever speaks above it sees bytes alone.
 *
 * Frames are libwslay's. Data frames must be binary and masked; how they are cut
 * means nothing to the protocol above [MQTT-6.0.0-2]. What it writes in one turn
 * of the loop becomes one binary frame [MQTT-6.0.0-1]. Nothing is kept of a
 * message, so only a frame's announced length is bounded. Pings are answered; they
 * do not count as a sign of life of the protocol above. Close codes: 1000 for an
 * orderly end, 1001 when the server stops, 1002 for a broken frame, 1003 for text,
 * 1008 when the protocol above refused, 1009 for a frame over the bound.
 * One thread. Source: RFC 6455; MQTT 3.1.1 and 5, chapter 6.
 */
#ifndef VCH_HTTP_WEBSOCKET_H
#define VCH_HTTP_WEBSOCKET_H

#include "http/server.h"

enum { VCH_WS_ACCEPT = 29 }; /* with its terminator */

/* May this request become a WebSocket with this subprotocol? Zero, and the value
 * of Sec-WebSocket-Accept; or the HTTP status to refuse with and the sentence
 * why. 405 not GET, 426 no WebSocket or another version (the answer must name
 * both: vch_ws_refusal_headers), 400 the rest. Origin is not looked at: it is a
 * browser's word, and nobody is let in by it. */
int vch_ws_check(const struct vch_http_request *request, const char *protocol, char ret_accept[VCH_WS_ACCEPT],
                 const char **ret_why);
/* What a 405 or 426 must say; how many. */
size_t vch_ws_refusal_headers(int status, struct vch_http_header ret[2]);

/* Answers 101 and puts the frames between the connection and whoever gets it:
 * the caller sets the handler at once. NULL when the connection is gone, memory
 * is out, or the client did not wait for the answer (400): nothing is left to do
 * then. Frees x. [loop], not from on_request. */
struct vch_conn *vch_ws_accept(struct vch_http_exchange *x, const char *accept, const char *protocol, size_t frame_max);

/* The filter alone, for tests and for fuzzing. */
struct vch_ws;
enum vch_err vch_ws_new(size_t frame_max, struct vch_ws **ret) VCH_MUST;
extern const struct vch_conn_filter vch_ws_filter; /* its argument is a struct vch_ws, which it frees */

#endif
