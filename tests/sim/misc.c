/* Names, security descriptors, random numbers, pages. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

size_t sim_pages;

/* ---- names ---- */

/* How many bytes the character at `text` has; 0: it is none. */
static int utf8_length(const unsigned char *text, uint32_t *value)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int count = text[0] < 0x80   ? 1
                : text[0] < 0xc2 ? 0
                : text[0] < 0xe0 ? 2
                : text[0] < 0xf0 ? 3
                : text[0] < 0xf5 ? 4
                                 : 0;

    if (count == 0)
        return 0;
    *value = count == 1 ? text[0] : text[0] & (0xffu >> (count + 1));
    for (int i = 1; i < count; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *value = *value << 6 | (text[i] & 0x3f);
    }
    if (*value < least[count] || *value > 0x10ffff || (*value >= 0xd800 && *value < 0xe000))
        return 0;
    return count;
}

int MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int bytes, LPWSTR wide, int room)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + (bytes < 0 ? (int)strlen(text) + 1 : bytes);
    int count = 0;

    if (page != CP_UTF8 || flags != MB_ERR_INVALID_CHARS)
        sim_fail("MultiByteToWideChar must refuse what is no UTF-8");
    sim_point();
    while (at < end) {
        uint32_t value;
        int length = utf8_length(at, &value);
        int units = value >= 0x10000 ? 2 : 1;

        if (length == 0 || at + length > end)
            return (int)sim_error(ERROR_NO_UNICODE_TRANSLATION);
        if (room > 0 && count + units > room)
            return (int)sim_error(ERROR_INSUFFICIENT_BUFFER);
        if (room > 0 && units == 2) {
            wide[count] = (WCHAR)(0xd800 + ((value - 0x10000) >> 10));
            wide[count + 1] = (WCHAR)(0xdc00 + ((value - 0x10000) & 0x3ff));
        } else if (room > 0) {
            wide[count] = (WCHAR)value;
        }
        count += units;
        at += length;
    }
    (void)sim_ok();
    return count;
}

static bool slash(WCHAR unit)
{
    return unit == '/' || unit == '\\';
}

/* For names that begin with \\.\ : the only ones that the library makes. */
DWORD GetFullPathNameW(LPCWSTR name, DWORD room, LPWSTR out, LPWSTR *part)
{
    WCHAR full[600] = {'\\', '\\', '.', '\\'};
    DWORD count = 4;

    sim_point();
    if (!slash(name[0]) || !slash(name[1]) || name[2] != '.' || !slash(name[3]))
        sim_fail("GetFullPathNameW of what is no device's name");
    if (part != NULL)
        *part = NULL;
    for (name += 4; *name != 0;) {
        DWORD begin = count;
        DWORD length = 0;

        while (slash(*name))
            name++;
        while (name[length] != 0 && !slash(name[length]))
            length++;
        if (length == 2 && name[0] == '.' && name[1] == '.') {
            while (count > 4 && full[--count] != '\\') {
            }
        } else if (length > 0 && !(length == 1 && name[0] == '.') && count + length + 2 < 600) {
            if (count > 4)
                full[count++] = '\\';
            memcpy(full + count, name, length * sizeof(WCHAR));
            count += length;
        }
        name += length;
        while (*name == 0 && count > begin && (full[count - 1] == '.' || full[count - 1] == ' '))
            count--;
    }
    if (count + 1 > room)
        return count + 1;
    memcpy(out, full, count * sizeof(WCHAR));
    out[count] = 0;
    (void)sim_ok();
    return count;
}

static WCHAR upper(WCHAR unit, BOOL fold)
{
    return fold && unit >= 'a' && unit <= 'z' ? (WCHAR)(unit - 32) : unit;
}

static int units_of(LPCWSTR text, int count)
{
    if (count >= 0)
        return count;
    for (count = 0; text[count] != 0;)
        count++;
    return count;
}

int CompareStringOrdinal(LPCWSTR a, int a_count, LPCWSTR b, int b_count, BOOL fold)
{
    a_count = units_of(a, a_count);
    b_count = units_of(b, b_count);
    for (int i = 0; i < a_count && i < b_count; i++) {
        WCHAR x = upper(a[i], fold);
        WCHAR y = upper(b[i], fold);

        if (x != y)
            return x < y ? CSTR_LESS_THAN : CSTR_GREATER_THAN;
    }
    return a_count == b_count ? CSTR_EQUAL : a_count < b_count ? CSTR_LESS_THAN : CSTR_GREATER_THAN;
}

/* ---- security descriptors: see sim_descriptor ---- */

BOOL IsValidSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor)
{
    const struct sim_descriptor *d = descriptor;
    uint32_t sum = 0;

    if (d->revision != SECURITY_DESCRIPTOR_REVISION || d->bytes < sizeof(*d) || d->bytes > 4096)
        return FALSE;
    for (size_t i = sizeof(*d); i < d->bytes && (d->control & SE_SELF_RELATIVE) != 0; i++)
        sum += ((const uint8_t *)descriptor)[i]; /* looks at all of it */
    return sum != UINT32_MAX;
}

BOOL GetSecurityDescriptorControl(PSECURITY_DESCRIPTOR descriptor,
                                  PSECURITY_DESCRIPTOR_CONTROL control, LPDWORD revision)
{
    const struct sim_descriptor *d = descriptor;

    *control = d->control;
    *revision = d->revision;
    return sim_ok();
}

DWORD GetSecurityDescriptorLength(PSECURITY_DESCRIPTOR descriptor)
{
    const struct sim_descriptor *d = descriptor;

    return d->bytes;
}

BOOL MakeSelfRelativeSD(PSECURITY_DESCRIPTOR absolute, PSECURITY_DESCRIPTOR relative, LPDWORD bytes)
{
    const struct sim_descriptor *d = absolute;
    struct sim_descriptor *out = relative;

    if (d->control != 0)
        return sim_error(ERROR_INVALID_SECURITY_DESCR);
    if (*bytes < d->bytes) {
        *bytes = d->bytes;
        return sim_error(ERROR_INSUFFICIENT_BUFFER);
    }
    memset(out, 0, d->bytes);
    *out = *d;
    out->control |= SE_SELF_RELATIVE;
    return sim_ok();
}

/* ---- random numbers, pages ---- */

NTSTATUS BCryptGenRandom(BCRYPT_ALG_HANDLE algorithm, UCHAR *buffer, ULONG bytes, ULONG flags)
{
    (void)algorithm;
    (void)flags;
    sim_point();
    if (sim_chance(KNOB_RANDOM_FAIL)) {
        sim_fails++;
        return (NTSTATUS)0xC0000001;
    }
    for (ULONG i = 0; i < bytes; i++)
        buffer[i] = (UCHAR)sim_random();
    return 0;
}

LPVOID VirtualAlloc(LPVOID address, SIZE_T bytes, DWORD type, DWORD protection)
{
    void *pages;

    sim_point();
    if (address != NULL || (type & MEM_COMMIT) == 0 || protection != PAGE_READWRITE)
        sim_fail("VirtualAlloc asks for something else");
    if (sim_chance(KNOB_ALLOC_FAIL)) {
        sim_fails++;
        (void)sim_error(ERROR_COMMITMENT_LIMIT);
        return NULL;
    }
    pages = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
    if (pages == NULL)
        abort();
    memset(pages, 0, bytes);
    sim_pages++;
    (void)sim_ok();
    return pages;
}

BOOL VirtualFree(LPVOID address, SIZE_T bytes, DWORD type)
{
    sim_point();
    if (bytes != 0 || type != MEM_RELEASE)
        sim_fail("VirtualFree frees a part");
    free(address);
    sim_pages--;
    return sim_ok();
}
