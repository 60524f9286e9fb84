/*
 * What the library uses of the Win32 API, declared for Linux: the fake kernel defines it. Only
 * names and numbers; the rules are in kernel.h. Functions that the C library has too get another
 * name by a macro.
 */
#ifndef SIM_WIN32_H
#define SIM_WIN32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINAPI
#define PASCAL
#define CALLBACK
#define __stdcall
#define __cdecl
#define VOID void

typedef void *HANDLE, *HMODULE, *PVOID, *LPVOID, *PSECURITY_DESCRIPTOR, *PSID;
typedef const void *LPCVOID;
typedef int BOOL, INT;
typedef uint8_t BYTE, UCHAR, BOOLEAN;
typedef uint16_t WORD, USHORT, SECURITY_DESCRIPTOR_CONTROL;
typedef uint32_t DWORD, ULONG, UINT, ACCESS_MASK;
typedef int32_t LONG, NTSTATUS, HRESULT;
typedef int64_t LONGLONG;
typedef uint64_t ULONGLONG, DWORD64;
typedef uintptr_t ULONG_PTR, DWORD_PTR, UINT_PTR, SOCKET;
typedef intptr_t LONG_PTR;
typedef size_t SIZE_T;
typedef unsigned short WCHAR;
typedef char CHAR;
typedef WCHAR *LPWSTR, *PWSTR;
typedef const WCHAR *LPCWSTR, *PCWSTR;
typedef const char *LPCSTR;
typedef char *LPSTR;
typedef DWORD *LPDWORD, *PDWORD;
typedef ULONG *PULONG;
typedef UCHAR *PUCHAR;
typedef ULONG_PTR *PULONG_PTR;
typedef BOOL *LPBOOL;
typedef SECURITY_DESCRIPTOR_CONTROL *PSECURITY_DESCRIPTOR_CONTROL;

typedef union _LARGE_INTEGER {
    struct {
        DWORD LowPart;
        LONG HighPart;
    } u;
    LONGLONG QuadPart;
} LARGE_INTEGER;

typedef struct _GUID {
    DWORD Data1;
    WORD Data2;
    WORD Data3;
    BYTE Data4[8];
} GUID;

#define TRUE  1
#define FALSE 0

#define INFINITE             0xffffffffu
#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)
#define MAKEWORD(low, high)  ((WORD)(((BYTE)(low)) | ((WORD)((BYTE)(high))) << 8))

/* ---- errors ---- */

#define ERROR_SUCCESS                    0u
#define NO_ERROR                         0u
#define ERROR_INVALID_FUNCTION           1u
#define ERROR_FILE_NOT_FOUND             2u
#define ERROR_PATH_NOT_FOUND             3u
#define ERROR_TOO_MANY_OPEN_FILES        4u
#define ERROR_ACCESS_DENIED              5u
#define ERROR_INVALID_HANDLE             6u
#define ERROR_NOT_ENOUGH_MEMORY          8u
#define ERROR_OUTOFMEMORY                14u
#define ERROR_GEN_FAILURE                31u
#define ERROR_SHARING_VIOLATION          32u
#define ERROR_HANDLE_EOF                 38u
#define ERROR_NOT_SUPPORTED              50u
#define ERROR_DUP_NAME                   52u
#define ERROR_NETNAME_DELETED            64u
#define ERROR_BAD_NET_NAME               67u
#define ERROR_INVALID_PARAMETER          87u
#define ERROR_BROKEN_PIPE                109u
#define ERROR_SEM_TIMEOUT                121u
#define ERROR_INSUFFICIENT_BUFFER        122u
#define ERROR_INVALID_NAME               123u
#define ERROR_BAD_PATHNAME               161u
#define ERROR_ALREADY_EXISTS             183u
#define ERROR_FILENAME_EXCED_RANGE       206u
#define ERROR_BAD_PIPE                   230u
#define ERROR_PIPE_BUSY                  231u
#define ERROR_NO_DATA                    232u
#define ERROR_PIPE_NOT_CONNECTED         233u
#define ERROR_MORE_DATA                  234u
#define WAIT_TIMEOUT                     258u
#define ERROR_MR_MID_NOT_FOUND           317u
#define ERROR_PIPE_CONNECTED             535u
#define ERROR_PIPE_LISTENING             536u
#define ERROR_HANDLES_CLOSED             676u
#define ERROR_ABANDONED_WAIT_0           735u
#define ERROR_OPERATION_ABORTED          995u
#define ERROR_IO_INCOMPLETE              996u
#define ERROR_IO_PENDING                 997u
#define ERROR_NO_UNICODE_TRANSLATION     1113u
#define ERROR_NOT_FOUND                  1168u
#define ERROR_CONNECTION_REFUSED         1225u
#define ERROR_GRACEFUL_DISCONNECT        1226u
#define ERROR_ADDRESS_ALREADY_ASSOCIATED 1227u
#define ERROR_NETWORK_UNREACHABLE        1231u
#define ERROR_HOST_UNREACHABLE           1232u
#define ERROR_PORT_UNREACHABLE           1234u
#define ERROR_REQUEST_ABORTED            1235u
#define ERROR_CONNECTION_ABORTED         1236u
#define ERROR_PRIVILEGE_NOT_HELD         1314u
#define ERROR_INVALID_SECURITY_DESCR     1338u
#define ERROR_NO_SYSTEM_RESOURCES        1450u
#define ERROR_COMMITMENT_LIMIT           1455u
#define ERROR_TIMEOUT                    1460u
#define ERROR_NOT_ENOUGH_QUOTA           1816u

#define STATUS_SUCCESS ((NTSTATUS)0)
#define STATUS_TIMEOUT ((NTSTATUS)0x102)
#define STATUS_PENDING ((NTSTATUS)0x103)

/* ---- handles, threads, memory, time ---- */

#define WAIT_OBJECT_0 0u
#define WAIT_FAILED   0xffffffffu

DWORD GetLastError(void);
void SetLastError(DWORD code);
BOOL CloseHandle(HANDLE handle);
DWORD WaitForSingleObject(HANDLE handle, DWORD timeout_ms);
void Sleep(DWORD ms);
BOOL SwitchToThread(void);
DWORD GetCurrentThreadId(void);
DWORD GetCurrentProcessId(void);
uintptr_t _beginthreadex(void *security, unsigned stack, unsigned (*start)(void *), void *argument,
                         unsigned flags, unsigned *id);

BOOL QueryPerformanceCounter(LARGE_INTEGER *count);
BOOL QueryPerformanceFrequency(LARGE_INTEGER *frequency);
ULONGLONG GetTickCount64(void);

#define MEM_COMMIT     0x1000u
#define MEM_RESERVE    0x2000u
#define MEM_RELEASE    0x8000u
#define PAGE_READWRITE 4u
LPVOID VirtualAlloc(LPVOID address, SIZE_T bytes, DWORD type, DWORD protection);
BOOL VirtualFree(LPVOID address, SIZE_T bytes, DWORD type);

typedef struct _RTL_SRWLOCK {
    void *Ptr;
} SRWLOCK, *PSRWLOCK;
typedef struct _RTL_CONDITION_VARIABLE {
    void *Ptr;
} CONDITION_VARIABLE, *PCONDITION_VARIABLE;

// clang-format off
#define SRWLOCK_INIT { 0 }
#define CONDITION_VARIABLE_INIT { 0 }
// clang-format on

void InitializeSRWLock(PSRWLOCK lock);
void AcquireSRWLockExclusive(PSRWLOCK lock);
void ReleaseSRWLockExclusive(PSRWLOCK lock);
BOOLEAN TryAcquireSRWLockExclusive(PSRWLOCK lock);
void InitializeConditionVariable(PCONDITION_VARIABLE condition);
BOOL SleepConditionVariableSRW(PCONDITION_VARIABLE condition, PSRWLOCK lock, DWORD timeout_ms,
                               ULONG flags);
void WakeConditionVariable(PCONDITION_VARIABLE condition);
void WakeAllConditionVariable(PCONDITION_VARIABLE condition);

/* ---- completion ports, files, named pipes ---- */

typedef struct _OVERLAPPED {
    ULONG_PTR Internal;
    ULONG_PTR InternalHigh;
    union {
        struct {
            DWORD Offset;
            DWORD OffsetHigh;
        };
        PVOID Pointer;
    };
    HANDLE hEvent;
} OVERLAPPED, *LPOVERLAPPED, WSAOVERLAPPED, *LPWSAOVERLAPPED;

typedef struct _OVERLAPPED_ENTRY {
    ULONG_PTR lpCompletionKey;
    LPOVERLAPPED lpOverlapped;
    ULONG_PTR Internal;
    DWORD dwNumberOfBytesTransferred;
} OVERLAPPED_ENTRY, *LPOVERLAPPED_ENTRY;

typedef struct _SECURITY_ATTRIBUTES {
    DWORD nLength;
    LPVOID lpSecurityDescriptor;
    BOOL bInheritHandle;
} SECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

#define GENERIC_READ                         0x80000000u
#define GENERIC_WRITE                        0x40000000u
#define FILE_READ_DATA                       1u
#define FILE_WRITE_DATA                      2u
#define FILE_READ_ATTRIBUTES                 0x80u
#define FILE_WRITE_ATTRIBUTES                0x100u
#define SYNCHRONIZE                          0x100000u
#define OPEN_EXISTING                        3u
#define FILE_FLAG_OVERLAPPED                 0x40000000u
#define FILE_FLAG_FIRST_PIPE_INSTANCE        0x00080000u
#define SECURITY_SQOS_PRESENT                0x00100000u
#define SECURITY_ANONYMOUS                   0u
#define SECURITY_IDENTIFICATION              0x00010000u
#define SECURITY_EFFECTIVE_ONLY              0x00080000u
#define PIPE_ACCESS_DUPLEX                   3u
#define PIPE_TYPE_BYTE                       0u
#define PIPE_TYPE_MESSAGE                    4u
#define PIPE_READMODE_BYTE                   0u
#define PIPE_READMODE_MESSAGE                2u
#define PIPE_WAIT                            0u
#define PIPE_NOWAIT                          1u
#define PIPE_ACCEPT_REMOTE_CLIENTS           0u
#define PIPE_REJECT_REMOTE_CLIENTS           8u
#define PIPE_UNLIMITED_INSTANCES             255u
#define FILE_TYPE_UNKNOWN                    0u
#define FILE_TYPE_DISK                       1u
#define FILE_TYPE_CHAR                       2u
#define FILE_TYPE_PIPE                       3u
#define FILE_SKIP_COMPLETION_PORT_ON_SUCCESS 1u
#define FILE_SKIP_SET_EVENT_ON_HANDLE        2u

HANDLE CreateIoCompletionPort(HANDLE file, HANDLE port, ULONG_PTR key, DWORD threads);
BOOL GetQueuedCompletionStatusEx(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count,
                                 PULONG removed, DWORD timeout_ms, BOOL alertable);
BOOL PostQueuedCompletionStatus(HANDLE port, DWORD bytes, ULONG_PTR key, LPOVERLAPPED overlapped);
BOOL CancelIoEx(HANDLE file, LPOVERLAPPED overlapped);
BOOL ReadFile(HANDLE file, LPVOID buffer, DWORD bytes, LPDWORD got, LPOVERLAPPED overlapped);
BOOL WriteFile(HANDLE file, LPCVOID buffer, DWORD bytes, LPDWORD put, LPOVERLAPPED overlapped);
BOOL ConnectNamedPipe(HANDLE pipe, LPOVERLAPPED overlapped);
BOOL SetFileCompletionNotificationModes(HANDLE file, UCHAR flags);
HANDLE CreateNamedPipeW(LPCWSTR name, DWORD open_mode, DWORD pipe_mode, DWORD instances_max,
                        DWORD out_bytes, DWORD in_bytes, DWORD timeout_ms,
                        LPSECURITY_ATTRIBUTES attributes);
HANDLE CreateFileW(LPCWSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES attributes,
                   DWORD disposition, DWORD flags, HANDLE template_file);
DWORD GetFileType(HANDLE file);
BOOL GetNamedPipeClientProcessId(HANDLE pipe, PULONG id);
BOOL GetNamedPipeServerProcessId(HANDLE pipe, PULONG id);
BOOL DisconnectNamedPipe(HANDLE pipe);
BOOL WaitNamedPipeW(LPCWSTR name, DWORD timeout_ms);
BOOL GetOverlappedResult(HANDLE file, LPOVERLAPPED overlapped, LPDWORD bytes, BOOL wait);
BOOL PeekNamedPipe(HANDLE pipe, LPVOID buffer, DWORD bytes, LPDWORD got, LPDWORD available,
                   LPDWORD left);

/* ---- names, security ---- */

#define CP_UTF8              65001u
#define MB_ERR_INVALID_CHARS 8u
#define WC_ERR_INVALID_CHARS 0x80u
#define CSTR_LESS_THAN       1
#define CSTR_EQUAL           2
#define CSTR_GREATER_THAN    3
int MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int bytes, LPWSTR wide, int room);
DWORD GetFullPathNameW(LPCWSTR name, DWORD room, LPWSTR out, LPWSTR *part);
int CompareStringOrdinal(LPCWSTR a, int a_count, LPCWSTR b, int b_count, BOOL fold);

#define SE_SELF_RELATIVE             0x8000u
#define SECURITY_DESCRIPTOR_REVISION 1u
BOOL IsValidSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor);
BOOL GetSecurityDescriptorControl(PSECURITY_DESCRIPTOR descriptor,
                                  PSECURITY_DESCRIPTOR_CONTROL control, LPDWORD revision);
DWORD GetSecurityDescriptorLength(PSECURITY_DESCRIPTOR descriptor);
BOOL MakeSelfRelativeSD(PSECURITY_DESCRIPTOR absolute, PSECURITY_DESCRIPTOR relative,
                        LPDWORD bytes);

/* ---- ntdll, bcrypt ---- */

ULONG RtlNtStatusToDosError(NTSTATUS status);

typedef void *BCRYPT_ALG_HANDLE;
#define BCRYPT_USE_SYSTEM_PREFERRED_RNG 2u
#define BCRYPT_SUCCESS(status)          ((NTSTATUS)(status) >= 0)
#define NT_SUCCESS(status)              ((NTSTATUS)(status) >= 0)
NTSTATUS BCryptGenRandom(BCRYPT_ALG_HANDLE algorithm, UCHAR *buffer, ULONG bytes, ULONG flags);

/* ---- sockets ---- */

#define INVALID_SOCKET                     ((SOCKET) ~(SOCKET)0)
#define SOCKET_ERROR                       (-1)
#define AF_UNSPEC                          0
#define AF_UNIX                            1
#define AF_INET                            2
#define AF_INET6                           23
#define SOCK_STREAM                        1
#define IPPROTO_TCP                        6
#define IPPROTO_IPV6                       41
#define IPV6_V6ONLY                        27
#define TCP_NODELAY                        1
#define SOL_SOCKET                         0xffff
#define SO_REUSEADDR                       4
#define SO_KEEPALIVE                       8
#define SO_EXCLUSIVEADDRUSE                (~SO_REUSEADDR)
#define SO_SNDBUF                          0x1001
#define SO_RCVBUF                          0x1002
#define SO_ERROR                           0x1007
#define SO_UPDATE_ACCEPT_CONTEXT           0x700b
#define SO_UPDATE_CONNECT_CONTEXT          0x7010
#define SOMAXCONN                          0x7fffffff
#define SD_RECEIVE                         0
#define SD_SEND                            1
#define SD_BOTH                            2
#define FIONREAD                           0x4004667f
#define FIONBIO                            0x8004667e
#define SIO_GET_EXTENSION_FUNCTION_POINTER 0xc8000006u
#define WSA_FLAG_OVERLAPPED                1u
#define WSA_FLAG_NO_HANDLE_INHERIT         0x80u
#define MSG_PEEK                           2
#define INADDR_ANY                         0u
#define INADDR_LOOPBACK                    0x7f000001u
#define AI_PASSIVE                         1
#define AI_NUMERICHOST                     4
#define AI_NUMERICSERV                     8
#define AI_ADDRCONFIG                      0x400

#define WSA_IO_PENDING        997
#define WSA_NOT_ENOUGH_MEMORY 8
#define WSA_INVALID_HANDLE    6
#define WSA_OPERATION_ABORTED 995
#define WSAEINTR              10004
#define WSAEBADF              10009
#define WSAEACCES             10013
#define WSAEFAULT             10014
#define WSAEINVAL             10022
#define WSAEMFILE             10024
#define WSAEWOULDBLOCK        10035
#define WSAEINPROGRESS        10036
#define WSAEALREADY           10037
#define WSAENOTSOCK           10038
#define WSAEMSGSIZE           10040
#define WSAENOPROTOOPT        10042
#define WSAEPROTONOSUPPORT    10043
#define WSAEOPNOTSUPP         10045
#define WSAEPFNOSUPPORT       10046
#define WSAEAFNOSUPPORT       10047
#define WSAEADDRINUSE         10048
#define WSAEADDRNOTAVAIL      10049
#define WSAENETDOWN           10050
#define WSAENETUNREACH        10051
#define WSAENETRESET          10052
#define WSAECONNABORTED       10053
#define WSAECONNRESET         10054
#define WSAENOBUFS            10055
#define WSAEISCONN            10056
#define WSAENOTCONN           10057
#define WSAESHUTDOWN          10058
#define WSAETIMEDOUT          10060
#define WSAECONNREFUSED       10061
#define WSAEHOSTDOWN          10064
#define WSAEHOSTUNREACH       10065
#define WSAEPROCLIM           10067
#define WSASYSNOTREADY        10091
#define WSAVERNOTSUPPORTED    10092
#define WSANOTINITIALISED     10093
#define WSAEDISCON            10101
#define WSATYPE_NOT_FOUND     10109
#define WSAHOST_NOT_FOUND     11001
#define WSATRY_AGAIN          11002
#define EAI_MEMORY            WSA_NOT_ENOUGH_MEMORY
#define EAI_NONAME            WSAHOST_NOT_FOUND
#define EAI_AGAIN             WSATRY_AGAIN

#ifndef SIM_KERNEL_H /* the fake itself sees the C library's */
typedef ULONG u_long;
typedef int socklen_t;
#endif
#define WSAAPI
typedef USHORT ADDRESS_FAMILY;

struct in_addr {
    union {
        ULONG S_addr;
    } S_un;
};
#define s_addr S_un.S_addr

struct in6_addr {
    union {
        UCHAR Byte[16];
        USHORT Word[8];
    } u;
};
#define s6_addr u.Byte
typedef struct in_addr IN_ADDR;
typedef struct in6_addr IN6_ADDR;

struct sockaddr {
    USHORT sa_family;
    char sa_data[14];
};
typedef struct sockaddr SOCKADDR;

struct sockaddr_in {
    USHORT sin_family;
    USHORT sin_port;
    struct in_addr sin_addr;
    char sin_zero[8];
};
typedef struct sockaddr_in SOCKADDR_IN;

struct sockaddr_in6 {
    USHORT sin6_family;
    USHORT sin6_port;
    ULONG sin6_flowinfo;
    struct in6_addr sin6_addr;
    ULONG sin6_scope_id;
};
typedef struct sockaddr_in6 SOCKADDR_IN6;

struct sockaddr_storage {
    USHORT ss_family;
    char pad[6];
    LONGLONG align;
    char rest[112];
};
typedef struct sockaddr_storage SOCKADDR_STORAGE;

struct addrinfo {
    int ai_flags;
    int ai_family;
    int ai_socktype;
    int ai_protocol;
    size_t ai_addrlen;
    char *ai_canonname;
    struct sockaddr *ai_addr;
    struct addrinfo *ai_next;
};
typedef struct addrinfo ADDRINFOA;

typedef struct WSAData {
    WORD wVersion;
    WORD wHighVersion;
} WSADATA, *LPWSADATA;

typedef struct _WSABUF {
    ULONG len;
    CHAR *buf;
} WSABUF, *LPWSABUF;

typedef BOOL (*LPFN_ACCEPTEX)(SOCKET, SOCKET, PVOID, DWORD, DWORD, DWORD, LPDWORD, LPOVERLAPPED);
typedef BOOL (*LPFN_CONNECTEX)(SOCKET, const struct sockaddr *, int, PVOID, DWORD, LPDWORD,
                               LPOVERLAPPED);
// clang-format off
#define WSAID_ACCEPTEX {0xb5367df1,0xcbac,0x11cf,{0x95,0xca,0x00,0x80,0x5f,0x48,0xa1,0x92}}
#define WSAID_CONNECTEX {0x25a207b9,0xddf3,0x4660,{0x8e,0xe9,0x76,0xe5,0x8c,0x74,0x06,0x3e}}
// clang-format on

#define bind(s, address, bytes) sim_bind(s, address, bytes)
#define listen(s, backlog)      sim_listen(s, backlog) /* others have members of that name */
#define getsockname             sim_getsockname
#define getpeername             sim_getpeername
#define setsockopt              sim_setsockopt
#define getsockopt              sim_getsockopt
#define getaddrinfo             sim_getaddrinfo
#define freeaddrinfo            sim_freeaddrinfo
#define inet_pton               sim_inet_pton
#define htons                   sim_htons
#define ntohs                   sim_ntohs
#define htonl                   sim_htonl
#define ntohl                   sim_ntohl

uint16_t htons(uint16_t value);
uint16_t ntohs(uint16_t value);
uint32_t htonl(uint32_t value);
uint32_t ntohl(uint32_t value);

int WSAStartup(WORD version, LPWSADATA data);
int WSACleanup(void);
int WSAGetLastError(void);
void WSASetLastError(int code);
SOCKET WSASocketW(int family, int type, int protocol, void *info, UINT group, DWORD flags);
int bind(SOCKET s, const struct sockaddr *address, int bytes);
int listen(SOCKET s, int backlog);
int closesocket(SOCKET s);
int getsockname(SOCKET s, struct sockaddr *address, int *bytes);
int getpeername(SOCKET s, struct sockaddr *address, int *bytes);
int setsockopt(SOCKET s, int level, int name, const char *value, int bytes);
int getsockopt(SOCKET s, int level, int name, char *value, int *bytes);
int ioctlsocket(SOCKET s, LONG command, ULONG *value);
int WSAIoctl(SOCKET s, DWORD code, LPVOID in, DWORD in_bytes, LPVOID out, DWORD out_bytes,
             LPDWORD returned, LPWSAOVERLAPPED overlapped, void *routine);
int WSASend(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
            LPWSAOVERLAPPED overlapped, void *routine);
int WSARecv(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD got, LPDWORD flags,
            LPWSAOVERLAPPED overlapped, void *routine);
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **found);
void freeaddrinfo(struct addrinfo *found);
int inet_pton(int family, const char *text, void *out);

#endif
