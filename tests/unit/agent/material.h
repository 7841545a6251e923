/* A self-signed P-256 certificate and its key, made anew. */
#ifndef TEST_AGENT_MATERIAL_H
#define TEST_AGENT_MATERIAL_H

struct material {
    char certificate[4096], key[4096]; /* PEM */
};
void material_make(struct material *material, long life_s);

#endif
