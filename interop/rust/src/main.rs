//! A peer on the crate `nng`, which binds libnng's C functions: whichever libnng.so.1 the dynamic
//! linker finds does the work.
//!
//!   rust-peer ROLE listen|dial URL
//!
//! answer   a rep socket that blocks: one request after the other
//! serve    a rep socket with several contexts, each driven by the callback of its aio
//! ask      a req socket that blocks
//! flood    a req socket with several contexts that ask at the same time, by callbacks
//! pong     a pair1 socket that returns what it gets
//! ping     a pair1 socket that sends, several messages under way at a time
//! errors   (of no peer, URL is for itself) what calls say that cannot succeed, one line each
//!
//! The first line tells which library runs. answer, serve and pong end when their standard input
//! ends, the others when they have checked every answer; all say 'done' last. A wrong answer, an
//! error or a wait of more than LIMIT is status 1 and a line that says why.

use std::io::Read;
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, process, thread};

use nng::options::{Options, RecvBufferSize, RecvTimeout, SendTimeout};
use nng::{Aio, AioResult, Context, Error, Message, PipeEvent, Protocol, Socket};

const LIMIT: Duration = Duration::from_secs(5);
const CONTEXTS: usize = 8;
const ROUNDS: usize = 200;
const WINDOW: usize = 4;

type Outcome = Result<(), String>;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.len() != 3 {
        eprintln!("usage: rust-peer ROLE listen|dial URL");
        process::exit(2);
    }
    println!("runs on {}", library());
    let done = match args[0].as_str() {
        "answer" => answer(&args[1], &args[2]),
        "serve" => serve(&args[1], &args[2]),
        "ask" => ask(&args[1], &args[2]),
        "flood" => flood(&args[1], &args[2]),
        "pong" => pong(&args[1], &args[2]),
        "ping" => ping(&args[1], &args[2]),
        "errors" => errors(&args[2]),
        other => Err(format!("no role {}", other)),
    };
    if let Err(why) = done {
        println!("{}", why);
        process::exit(1);
    }
    println!("done");
}

/// The file of libnng that is mapped into this process, as the kernel names it.
fn library() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut paths: Vec<&str> = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]))
        .filter(|path| path.contains("/libnng.so"))
        .collect();
    paths.dedup();
    paths.join(" and ")
}

/// Names the call in an error of the library.
fn says<T>(what: &str, result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|e| format!("{}: {}", what, e))
}

fn send(s: &Socket, body: &[u8]) -> Outcome {
    s.send(body).map_err(|(_, e)| format!("send: {}", e))
}

fn open(protocol: Protocol) -> Result<Socket, String> {
    let s = says("open", Socket::new(protocol))?;
    says("timeout", s.set_opt::<RecvTimeout>(Some(LIMIT)))?;
    says("timeout", s.set_opt::<SendTimeout>(Some(LIMIT)))?;
    Ok(s)
}

/// Listens or dials; it does not wait for the peer.
fn connect(s: &Socket, how: &str, url: &str) -> Outcome {
    if how == "listen" {
        says("listen", s.listen(url))?;
        println!("listening");
        Ok(())
    } else {
        says("dial", s.dial_async(url))
    }
}

fn until_input_ends() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

// Servers

/// The answer to every question: itself, backwards, so that no echo passes for one.
fn reversed(question: &[u8]) -> Vec<u8> {
    question.iter().rev().copied().collect()
}

/// Answers with `turn` of what comes until the socket is closed, which is when the input ends.
fn return_all(s: Socket, turn: fn(&[u8]) -> Vec<u8>) -> Outcome {
    says("timeout", s.set_opt::<RecvTimeout>(None))?;
    let socket = s.clone();
    let worker = thread::spawn(move || loop {
        match socket.recv() {
            Ok(question) => send(&socket, &turn(&question))?,
            Err(Error::Closed) => return Ok(()),
            Err(e) => return Err(format!("receive: {}", e)),
        }
    });
    until_input_ends();
    s.close();
    worker.join().map_err(|_| "panic".to_string())?
}

fn answer(how: &str, url: &str) -> Outcome {
    let s = open(Protocol::Rep0)?;
    connect(&s, how, url)?;
    return_all(s, reversed)
}

fn pong(how: &str, url: &str) -> Outcome {
    let s = open(Protocol::Pair1)?;
    connect(&s, how, url)?;
    return_all(s, |body| body.to_vec())
}

/// One context of the server. Its one aio receives, sleeps, sends, and receives again: at most one
/// callback runs at a time, so that the lock is never waited for.
struct Worker {
    context: Context,
    reply: Mutex<Option<Vec<u8>>>,
    ended: Mutex<Sender<Outcome>>,
}

impl Worker {
    fn step(&self, aio: &Aio, result: AioResult) {
        let next = match result {
            AioResult::Recv(Ok(question)) => {
                *self.reply.lock().unwrap() = Some(reversed(&question));
                // A delay that depends on the question lets the answers overtake each other.
                let ms = question.iter().map(|b| u64::from(*b)).sum::<u64>() % 3;
                aio.sleep(Duration::from_millis(ms))
            }
            AioResult::Sleep(Ok(())) => {
                let reply = self.reply.lock().unwrap().take().unwrap_or_default();
                self.context.send(aio, &reply[..]).map_err(|(_, e)| e)
            }
            AioResult::Send(Ok(())) => self.context.recv(aio),
            AioResult::Recv(Err(e)) | AioResult::Sleep(Err(e)) => Err(e),
            AioResult::Send(Err((_, e))) => Err(e),
        };
        match next {
            Ok(()) => {}
            Err(Error::Closed) => self.end(Ok(())),
            Err(e) => self.end(Err(format!("serve: {}", e))),
        }
    }

    fn end(&self, outcome: Outcome) {
        let _ = self.ended.lock().unwrap().send(outcome);
    }
}

fn serve(how: &str, url: &str) -> Outcome {
    let s = open(Protocol::Rep0)?;
    let pipes = Arc::new(Mutex::new((0, 0)));
    let seen = pipes.clone();
    says("notify", s.pipe_notify(move |_, event| match event {
        PipeEvent::AddPost => seen.lock().unwrap().0 += 1,
        PipeEvent::RemovePost => seen.lock().unwrap().1 += 1,
        _ => {}
    }))?;
    let (ended, outcomes) = channel();
    let mut aios = Vec::new();
    for _ in 0..CONTEXTS {
        let context = says("context", Context::new(&s))?;
        let worker = Worker {
            context: context.clone(),
            reply: Mutex::new(None),
            ended: Mutex::new(ended.clone()),
        };
        let aio = says("aio", Aio::new(move |aio, result| worker.step(&aio, result)))?;
        says("receive", context.recv(&aio))?;
        aios.push(aio);
    }
    connect(&s, how, url)?;
    until_input_ends();
    s.close();
    for _ in 0..CONTEXTS {
        outcomes.recv_timeout(LIMIT).map_err(|_| "a context did not end".to_string())??;
    }
    for aio in &aios {
        aio.wait(); // the callback has returned; it is not the last to hold the aio
    }
    let (came, went) = *pipes.lock().unwrap();
    println!("{} pipes came, {} went", came, went);
    Ok(())
}

// Clients

/// The question of `who` in round `round`; some are empty, some larger than a socket takes at once.
fn question(who: usize, round: usize) -> Vec<u8> {
    let length = match round % 10 {
        3 => 0,
        7 => 300_000 + who,
        _ => round % 100 + 8,
    };
    (0..length).map(|at| ((at + who * 31 + round * 7) % 251) as u8).collect()
}

fn check(who: usize, round: usize, got: &[u8], wanted: &[u8]) -> Outcome {
    if got == wanted {
        return Ok(());
    }
    Err(format!("{} in round {} got {} bytes, wanted {}, or others", who, round, got.len(), wanted.len()))
}

fn ask(how: &str, url: &str) -> Outcome {
    let s = open(Protocol::Req0)?;
    connect(&s, how, url)?;
    for round in 0..ROUNDS {
        let body = question(0, round);
        send(&s, &body)?;
        let reply = says("receive", s.recv())?;
        check(0, round, &reply, &reversed(&body))?;
    }
    Ok(())
}

/// One context of the client: asks ROUNDS questions, the next when the last was answered.
struct Asker {
    who: usize,
    context: Context,
    round: Mutex<usize>,
    ended: Mutex<Sender<Outcome>>,
}

impl Asker {
    fn step(&self, aio: &Aio, result: AioResult) {
        let mut round = self.round.lock().unwrap();
        let next = match result {
            AioResult::Send(Ok(())) => self.context.recv(aio).map_err(|e| e.to_string()),
            AioResult::Recv(Ok(reply)) => {
                let wanted = reversed(&question(self.who, *round));
                *round += 1;
                match check(self.who, *round - 1, &reply, &wanted) {
                    Ok(()) if *round == ROUNDS => return self.end(Ok(())),
                    Ok(()) => self.send(aio, *round),
                    wrong => wrong,
                }
            }
            AioResult::Recv(Err(e)) | AioResult::Sleep(Err(e)) => Err(e.to_string()),
            AioResult::Send(Err((_, e))) => Err(e.to_string()),
            AioResult::Sleep(Ok(())) => Err("slept".to_string()),
        };
        if let Err(why) = next {
            self.end(Err(format!("flood: {}", why)));
        }
    }

    fn send(&self, aio: &Aio, round: usize) -> Outcome {
        let body = question(self.who, round);
        self.context.send(aio, &body[..]).map_err(|(_, e)| e.to_string())
    }

    fn end(&self, outcome: Outcome) {
        let _ = self.ended.lock().unwrap().send(outcome);
    }
}

fn flood(how: &str, url: &str) -> Outcome {
    let s = open(Protocol::Req0)?;
    connect(&s, how, url)?;
    let (ended, outcomes) = channel();
    let mut aios = Vec::new();
    for who in 0..CONTEXTS {
        let asker = Arc::new(Asker {
            who,
            context: says("context", Context::new(&s))?,
            round: Mutex::new(0),
            ended: Mutex::new(ended.clone()),
        });
        let stepped = asker.clone();
        let aio = says("aio", Aio::new(move |aio, result| stepped.step(&aio, result)))?;
        says("timeout", aio.set_timeout(Some(LIMIT)))?;
        asker.send(&aio, 0)?;
        aios.push(aio);
    }
    for _ in 0..CONTEXTS {
        outcomes.recv_timeout(2 * LIMIT).map_err(|_| "a context did not end".to_string())??;
    }
    for aio in &aios {
        aio.wait(); // the callback has returned; it is not the last to hold the aio
    }
    Ok(())
}

fn ping(how: &str, url: &str) -> Outcome {
    let s = open(Protocol::Pair1)?;
    connect(&s, how, url)?;
    for round in 0..ROUNDS + WINDOW {
        if round < ROUNDS {
            send(&s, &question(0, round))?;
        }
        if round >= WINDOW {
            let back = says("receive", s.recv())?;
            check(0, round - WINDOW, &back, &question(0, round - WINDOW))?;
        }
    }
    Ok(())
}

// Errors

/// What the aio of `context` says to a receive of which `then` is to be the end.
fn end_of_receive(s: &Socket, then: fn(&Aio, &Socket)) -> Result<String, String> {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let context = says("context", Context::new(s))?;
    let aio = says("aio", Aio::new(move |_, result| {
        let text = match result {
            AioResult::Recv(Ok(_)) => "a message".to_string(),
            AioResult::Recv(Err(e)) => e.to_string(),
            _ => "no receive".to_string(),
        };
        let _ = tell.lock().unwrap().send(text);
    }))?;
    says("timeout", aio.set_timeout(Some(Duration::from_millis(50))))?;
    says("receive", context.recv(&aio))?;
    then(&aio, s);
    let text = told.recv_timeout(LIMIT).map_err(|_| "no callback".to_string())?;
    aio.wait();
    Ok(text)
}

fn errors(url: &str) -> Outcome {
    let rep = open(Protocol::Rep0)?;
    let req = open(Protocol::Req0)?;
    let show = |what: &str, e: Result<(), Error>| match e {
        Ok(()) => println!("{}: ok", what),
        Err(e) => println!("{}: {:?}, {}", what, e, e),
    };
    show("dial nowhere", req.dial(url));
    show("listen", rep.listen(url));
    show("no such scheme", req.dial("nowhere://at.all"));
    show("no URL", req.dial("nothing"));
    show("receive before asking", req.recv().map(|_| ()));
    show("answer before asked", rep.send(&b"x"[..]).map_err(|(_, e)| e));
    show("receive at once", rep.try_recv().map(|_| ()));
    println!("receive and time out: {}", end_of_receive(&rep, |_, _| ())?);
    println!("receive and cancel: {}", end_of_receive(&rep, |aio, _| aio.cancel())?);
    println!("no pair on a context: {:?}", Context::new(&open(Protocol::Pair1)?).err());
    show("buffer", rep.set_opt::<RecvBufferSize>(17));
    println!("buffer of {:?}", rep.get_opt::<RecvBufferSize>());
    println!("timeout of {:?}", rep.get_opt::<RecvTimeout>());
    show("dial", req.dial(url));
    show("ask", req.send(Message::from(&b"last"[..])).map_err(|(_, e)| e));
    println!("asked {:?}", rep.recv().map(|m| m.to_vec()));
    // Last, as nng 1.5.2 over ipc probes the listener that is there, which then loses a request.
    show("listen again", rep.listen(url));
    println!("receive and close: {}", end_of_receive(&rep, |_, s| s.close())?);
    show("receive after close", rep.recv().map(|_| ()));
    Ok(())
}
