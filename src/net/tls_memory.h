/* Memory for OpenSSL. It takes a buffer of 16 KiB for a record and gives it back
 * as soon as the record is done, so that an idle connection has none; malloc
 * works hard for a block of that size, each time. Here every thread keeps a few. */
#ifndef VCH_NET_TLS_MEMORY_H
#define VCH_NET_TLS_MEMORY_H

/* For the whole process. First of all in main(): once OpenSSL has taken memory,
 * and in builds with a sanitizer, this does nothing. */
void vch_tls_memory_install(void);

#endif
