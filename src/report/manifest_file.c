/* manifest_file.c - manifest.json: replaced atomically, the one before kept beside it. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest_text.h"
#include "tengen/file.h"

enum { SUFFIXED = RUN_PATH_MAX + 16 };

/* What is saved must be loaded again: with a shard of each of 100 hosts an iteration has 20 KB. */
static const size_t max_bytes = (size_t)16 << 30;

/* Does the directory hold a shard? Then there was a manifest, too. */
static bool holds_shards(const char *dir)
{
    char path[RUN_PATH_MAX];
    struct dirent *entry;
    DIR *d;
    bool found = false;

    if (run_path(dir, RUN_REPLAY, 0, path, NULL) != TG_OK || (d = opendir(path)) == NULL)
        return false;
    while (!found && (entry = readdir(d)) != NULL) {
        size_t n = strlen(entry->d_name);

        found = strncmp(entry->d_name, "shard-", 6) == 0 && n > 3
                && strcmp(entry->d_name + n - 3, ".h5") == 0;
    }
    closedir(d);
    return found;
}

/* There is no manifest.json: is this a new run, or has one lost it? */
static enum tg_status absent(const char *dir, const char *path, const char *backup,
                             struct tg_error *err)
{
    if (access(backup, F_OK) == 0)
        return FAIL(err, TG_EFORMAT, "%s is missing, but %s, the one before it, is there: copy it to "
                    "manifest.json to go on from it, or choose another directory", path, backup);
    if (holds_shards(dir))
        return FAIL(err, TG_EFORMAT, "%s is missing, but %s/replay holds shards of a run: restore the "
                    "manifest from a backup, or choose another directory", path, dir);
    return FAIL(err, TG_ENOTFOUND, "%s: there is no run", path);
}

enum tg_status manifest_load(struct manifest *m, const char *dir, struct tg_error *err)
{
    char path[RUN_PATH_MAX], backup[SUFFIXED], *text;
    struct tg_error why = {0};
    size_t n;
    enum tg_status rc;

    memset(m, 0, sizeof *m);
    TRY(run_path(dir, RUN_MANIFEST, 0, path, err));
    snprintf(backup, sizeof backup, "%s.bak", path);
    rc = tg_file_read(path, max_bytes, &text, &n, err);
    if (rc == TG_ENOTFOUND)
        return absent(dir, path, backup, err);
    TRY(rc);
    rc = manifest_from_text(text, n, m, &why);
    free(text);
    if (rc == TG_EFORMAT)
        return FAIL(err, TG_EFORMAT, "%s: %.300s. %s", path, why.text,
                    access(backup, F_OK) == 0
                        ? "Copy manifest.json.bak over it to go on from the save before"
                        : "Restore it from a backup, or choose another directory for a new run");
    if (rc != TG_OK)
        return FAIL(err, rc, "%s: %s", path, why.text);
    return TG_OK;
}

/* backup := what is at path now. A second link where the file system can, else a copy; there is a
 * whole file at path all the time. */
static enum tg_status keep_previous(const char *path, const char *backup, struct tg_error *err)
{
    char link_name[SUFFIXED + 8], *text;
    size_t n;
    enum tg_status rc;

    if (access(path, F_OK) != 0)
        return TG_OK;
    snprintf(link_name, sizeof link_name, "%s.new", backup);
    unlink(link_name);
    if (link(path, link_name) == 0)
        return tg_file_rename(link_name, backup, err);
    rc = tg_file_read(path, max_bytes, &text, &n, err);
    TRY(rc);
    rc = tg_file_replace(backup, text, n, err);
    free(text);
    return rc;
}

enum tg_status manifest_save(const struct manifest *m, const char *dir, struct tg_error *err)
{
    char path[RUN_PATH_MAX], backup[SUFFIXED], *text;
    size_t n;
    enum tg_status rc;

    TRY(run_path(dir, RUN_MANIFEST, 0, path, err));
    snprintf(backup, sizeof backup, "%s.bak", path);
    TRY(manifest_to_text(m, &text, &n, err));
    rc = keep_previous(path, backup, err);
    if (rc == TG_OK)
        rc = tg_file_replace(path, text, n, err);
    free(text);
    return rc;
}
