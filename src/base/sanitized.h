/* VCH_SANITIZED: 1 when this build carries a sanitizer whose runtime needs files
 * and system calls that a jail would refuse, else 0. */
#ifndef VCH_BASE_SANITIZED_H
#define VCH_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VCH_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define VCH_SANITIZED 1
#endif
#endif
#ifndef VCH_SANITIZED
#define VCH_SANITIZED 0
#endif

#endif
