"""Whose turn it is, said a second time and without Redis: plainly, by looking at everybody."""

import math
from dataclasses import dataclass, field
from itertools import count


@dataclass(eq=False)
class Waiting:
    """One job of an owner: `place` orders those of the same owner, the lowest is the next."""

    owner: str
    place: tuple[bool, int]
    """Whether it is a batch job, and its number."""
    in_line: bool = True
    dead: bool = False
    """Whether an earlier version has ended it, and left it in its line, where it is passed over."""
    leader: "Waiting | None" = None
    followers: "list[Waiting]" = field(default_factory=list)


@dataclass
class Turns:
    """One queue. Who does not wait is forgotten after a minute; whoever comes begins where the others are."""

    jobs: list[Waiting] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    """What those have had who have jobs in line."""
    lately: dict[str, float] = field(default_factory=dict)
    """What those have had who had some within the last minute."""
    reached: float = 0.0
    """What who had the latest turn had before it."""
    numbers: "count[int]" = field(default_factory=count)

    def line(self, owner: str) -> list[Waiting]:
        return sorted((job for job in self.jobs if job.owner == owner and job.in_line), key=lambda job: job.place)

    def _first(self, owner: str) -> Waiting:
        return self.line(owner)[0]

    def come(self, owner: str, batch: bool, *, in_line: bool = True) -> Waiting:
        job = Waiting(owner, (batch, next(self.numbers)), in_line=False)
        self.jobs.append(job)
        if in_line:
            self.line_up(job)
        return job

    def join(self, leader: Waiting, batch: bool) -> Waiting:
        job = self.come(leader.owner, batch, in_line=False)
        job.leader = leader
        leader.followers.append(job)
        leader.place = min(leader.place, job.place)
        return job

    def line_up(self, job: Waiting) -> None:
        if not self.line(job.owner):
            self.waiting[job.owner] = self.had(job.owner)
        job.in_line = True

    def had(self, owner: str) -> float:
        return self.waiting.get(
            owner, max(min(self.reached, *self.waiting.values(), math.inf), self.lately.get(owner, 0.0))
        )

    def next(self, slack: float) -> set[str]:
        """Whose turn it may be, where what anybody has had is known up to `slack` seconds."""
        while True:
            least = min(self.waiting.values(), default=0.0)
            found = {owner for owner, seconds in self.waiting.items() if seconds <= least + slack}
            dead = [job for job in map(self._first, found) if job.dead]
            if not dead:
                return found
            for job in dead:
                self.step_out(job)

    def taken(self, job: Waiting) -> None:
        """It has left the line, to be claimed."""
        self.reached = self.had(job.owner)
        self.step_out(job)

    def step_out(self, job: Waiting) -> None:
        job.in_line = False
        if not self.line(job.owner):
            self.waiting.pop(job.owner, None)

    def charge(self, owner: str, seconds: float) -> float:
        """He has a job that begins; what he has had with it."""
        return self._has(owner, self.had(owner) + seconds)

    def settle(self, owner: str, seconds: float, charged_to: float) -> None:
        """It has ended, and took so many seconds more than were charged."""
        self._has(owner, self.waiting.get(owner, self.lately.get(owner, charged_to)) + seconds)

    def _has(self, owner: str, total: float) -> float:
        self.lately[owner] = total
        if owner in self.waiting:
            self.waiting[owner] = total
        return total

    def gone(self, job: Waiting) -> Waiting | None:
        """It waits no more; who waited longest for its end takes its place, and is given back."""
        self.step_out(job)
        if job.leader is not None:
            job.leader.followers.remove(job)
        if not job.followers:
            return None
        heir, *others = job.followers
        heir.leader, heir.followers, job.followers = None, others, []
        for other in others:
            other.leader = heir
        heir.place = min(heir.place, job.place)
        self.line_up(heir)
        return heir

    def a_minute_passes(self) -> None:
        self.lately.clear()
