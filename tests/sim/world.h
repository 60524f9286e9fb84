/* What the fibers of a scenario share. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "kernel.h"
#include "scenario.h"

#include <nng/nng.h>

enum {
    SERVERS_MAX = 2,
    CLIENTS_MAX = 3,
    PLACES_MAX = 3,
    PIPES_MAX = 16,
    CROWD = 7,
    FOREIGN_PLACES = 2,
    BODY_LARGE = 300000,
    BODY_MAX = 1300000, /* more than one call takes */
    PATTERN_BYTES = BODY_MAX + 1024,
    MS = 1000000,
    PROMPT_MS = 3, /* of a close, when the kernel is never late */
};

struct place {
    const char *listen_url;
    const char *dial_url;
    const char *pipe; /* what a foreign client opens; NULL: tcp */
    uint16_t port;
    bool swapped; /* the servers dial, client 0 listens */
};

extern const struct place sim_foreign_places[FOREIGN_PLACES];

struct party {
    nng_socket socket;
    nng_dialer dialer;
    nng_listener listener;
    const struct place *place; /* of the listener */
    uint32_t index;
    uint32_t ids;
    bool open;
    bool over;
    bool foreign; /* a client of a foreign server */
};

struct world {
    bool strict;
    bool chaos;
    bool callbacks;
    bool prompt; /* the kernel is never late: what takes time waits for a wake-up that was lost */
    bool lone;   /* each place has one listener, and nobody is refused */
    uint32_t round;
    uint32_t rounds;
    struct place places[PLACES_MAX];
    uint32_t place_count;
    struct party servers[SERVERS_MAX];
    uint32_t server_count;
    struct party clients[CLIENTS_MAX + 1];
    uint32_t client_count;
    uint32_t foreigners;
    uint32_t others; /* fibers of the round that are neither */
    uint32_t guests; /* foreign clients among them */
    bool squatted;   /* a foreign server has one of our names, if it comes first */
    bool ending;
    uint32_t relistens;   /* a listener was about to be closed, or has been */
    uint32_t unlistening; /* is being closed */
    uint32_t pipes[PIPES_MAX];
    uint32_t pipe_count;
};

extern struct world sim_world;

/* ---- async.c ---- */

/* Serves until the socket is closed; false: for want of memory it could not begin. */
bool sim_async_serve(struct party *party, void (*meanwhile)(struct party *));

/* ---- checks.c ---- */

void sim_pause_for(uint64_t ns);

/* The result of a call: one that makes sense; 0 if the seed is strict. A fault was injected. */
void sim_plausible(int rv, const char *call);
void sim_expect(int rv, const char *call);
bool sim_injected(void);

/* Bodies are cut from one pattern, by the id of the request; an answer has another part of it. */
void sim_pattern_make(void);
size_t sim_body_size(void);
void sim_body_write(uint8_t *body, size_t bytes, uint32_t id, bool answer);
void sim_body_check(const uint8_t *body, size_t bytes, uint32_t id, bool answer);
void sim_body_answer(uint8_t *body, size_t bytes);

/* Closes, and sees that it did not wait. */
int sim_closed_in_time(int (*close)(uint32_t id), uint32_t id, const char *call);
int sim_close_socket(uint32_t id);
int sim_close_dialer(uint32_t id);
int sim_close_listener(uint32_t id);
int sim_close_pipe(uint32_t id);
void sim_party_close(struct party *party);

/* ---- chaos.c ---- */

void sim_look_at(struct party *party);
void sim_look_at_pipe(nng_pipe pipe);
unsigned sim_chaos_main(void *argument);
void sim_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *argument);

/* ---- parties.c: the argument is the party ---- */

unsigned sim_server_main(void *argument);
unsigned sim_client_main(void *argument);

/* ---- guests.c: a client; a server at the place that is the argument ---- */

unsigned sim_guest_main(void *argument);
unsigned sim_host_main(void *argument);

#endif
