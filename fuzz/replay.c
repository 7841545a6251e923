/* Feeds every file of the given folders to the harness: what libFuzzer does
 * with a corpus, as a plain test. A missing folder is skipped, an empty run fails. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(const char *path) {
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    uint8_t *exact = malloc(size ? size : 1); /* so that ASan sees one byte too far */
    if (!exact) return 0;
    for (size_t i = 0; i < size; i++) exact[i] = bytes[i];
    (void)LLVMFuzzerTestOneInput(exact, size);
    /* Every prefix of a small input is an input too. */
    for (size_t cut = 0; cut < size && size <= 2048; cut++) (void)LLVMFuzzerTestOneInput(exact, cut);
    free(exact);
    return 1;
}

static int feed_folder(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir) return 0;
    int fed = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        fed += feed(path);
    }
    (void)closedir(dir);
    return fed;
}

int main(int argc, char **argv) {
    int fed = 0;
    for (int i = 1; i < argc; i++) fed += feed_folder(argv[i]);
    printf("%d inputs\n", fed);
    return fed > 0 ? 0 : 1;
}
